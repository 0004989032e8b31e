"""Checks tables against their last recorded state, by their logs and the names of their files only."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quanyu.lake.locations import data_files

_COMMIT = re.compile(r"(\d{20})\.(json|checkpoint)")


@dataclass(frozen=True)
class TableState:
    """State of a table in its log; `version` is that of the last commit of any kind."""

    table_id: str
    version: int


def newest_versions(lake: Path) -> dict[str, int]:
    """Version of each table, by place, from the names of its log files."""
    logs = {str(log.parent.relative_to(lake)): log for log in lake.glob("*/*/_delta_log")}
    numbers = {
        place: [int(match[1]) for file in log.iterdir() if (match := _COMMIT.match(file.name))]
        for place, log in logs.items()
    }
    return {place: max(versions) for place, versions in sorted(numbers.items()) if versions}


def read_table_state(path: Path) -> TableState | None:
    """Read the state of a table; None if its log is missing or cannot be read."""
    table = _opened(path)
    return TableState(str(table.metadata().id), int(table.version())) if table else None


def drop_dead_hint(path: Path) -> None:
    """Remove the hint at a missing checkpoint if all commits exist, so that readers start at the first commit."""
    log = path / "_delta_log"
    names = {file.name for file in log.glob("*")} if log.is_dir() else set()
    commits = [name for name in names if re.fullmatch(r"\d{20}\.json", name)]
    complete = bool(commits) and len(commits) == max(int(name[:20]) for name in commits) + 1
    if "_last_checkpoint" in names and complete and not any(".checkpoint." in name for name in names):
        (log / "_last_checkpoint").unlink()


def loss(path: Path, last: TableState) -> str:
    """Say what a table has lost since its last recorded state; empty if it is complete."""
    if not path.is_dir():
        return "the table is missing"
    if not (path / "_delta_log").is_dir():
        return "the log of the table is missing"
    table = _opened(path)
    if table is None:
        return "the log of the table cannot be read"
    if str(table.metadata().id) != last.table_id:
        return "another table is in its place"
    if table.version() < last.version:
        return f"the table is at version {table.version()}, and version {last.version} was written"
    if any(not file.stat().st_size for file in (path / "_delta_log").glob("*.json")):
        return "a commit of the table's log is empty"
    files = data_files(table)
    missing = sum(not file.is_file() for file in files)
    return f"{missing} of {len(files)} data files of the table are missing" if missing else ""


def _opened(path: Path) -> Any:
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    try:
        return DeltaTable(str(path))
    except (DeltaError, OSError, ValueError):
        return None
