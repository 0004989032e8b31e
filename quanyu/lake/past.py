"""A lake's state before a day: versions of its tables, and a copy of them that shares the data files."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from quanyu.errors import QuanyuError
from quanyu.lake.lake import Lake
from quanyu.lake.locations import data_files

_LOG = "_delta_log"
_COMMITTER = "_committer"


def versions_before(lake: Lake, day: date, jobs: Collection[str]) -> dict[str, int]:
    """Version of each table before any of these jobs committed for the day or a later one, by place.

    The moment is that of the first such commit. Tables that did not exist yet are left out.
    """
    history = {place: lake.history(place) for place in lake.places()}
    moments = [
        commit["timestamp"]
        for commits in history.values()
        for commit in commits
        if (receipt := commit["receipt"]) and receipt["day"] >= day.isoformat() and receipt["job"] in jobs
    ]
    first = min(moments, default=None)
    earlier = {
        place: [commit for commit in commits if first is None or commit["timestamp"] < first]
        for place, commits in history.items()
    }
    return {place: commits[0]["version"] for place, commits in earlier.items() if _has_rows(commits)}


def _has_rows(commits: Sequence[Mapping[str, Any]]) -> bool:
    """Whether commits, newest first, contain more than the creation of a table."""
    return any(commit["receipt"] for commit in commits) or (bool(commits) and commits[-1]["version"] > 0)


def days_committed(lake: Lake) -> list[date]:
    """Every day for which the lake has a commit, in order."""
    receipts = (commit["receipt"] for place in lake.places() for commit in lake.history(place))
    return sorted({date.fromisoformat(receipt["day"]) for receipt in receipts if receipt})


def copy_tables(lake: Lake, target: Path, versions: Mapping[str, int]) -> None:
    """Copy tables, each at a version, into the root of another lake, to which deltalake commits.

    Data files never change, so both lakes share them by hard links if the file system has them. Raises QuanyuError if
    the upkeep has removed files of a version.
    """
    target.mkdir(parents=True, exist_ok=True)
    (target / _COMMITTER).write_text("deltalake\n", encoding="utf-8")
    for place, version in versions.items():
        _copy_table(lake.settings.lake / place, target / place, version)
        if not _complete(target / place):
            raise QuanyuError(f"{place}: version {version} cannot be read any more: upkeep has cleared its files away")


def _copy_table(source: Path, target: Path, version: int) -> None:
    for file in source.rglob("*"):
        copy = target / file.relative_to(source)
        if not file.is_file() or (file.parent.name == _LOG and not _belongs(file, version)):
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        if file.parent.name == _LOG:
            shutil.copyfile(file, copy)
        else:
            _link(file, copy)


def _belongs(file: Path, version: int) -> bool:
    """Whether a log file belongs to a version or an earlier one. The hint at the last checkpoint may not."""
    number = re.match(r"\d{20}", file.name)
    return number is not None and int(number[0]) <= version


def _link(file: Path, copy: Path) -> None:
    try:
        os.link(file, copy)
    except OSError:
        shutil.copyfile(file, copy)


def _complete(table: Path) -> bool:
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    try:
        return all(file.is_file() for file in data_files(DeltaTable(table)))
    except (DeltaError, OSError):
        return False
