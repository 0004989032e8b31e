"""Runs cases and compares their answers; cases that share their days run in one home, like a retailer's feeds."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
from case_check import Check, Right
from case_home import ROOT, CaseHome, environment
from case_views import Evidence, evidence

PROGRAM = "check.py"


@dataclass(frozen=True)
class Verdict:
    """Expected and actual answer of one query of a case."""

    case: str
    right: Right
    got: str

    @property
    def is_right(self) -> bool:
        """Whether the query returned the expected answer."""
        return self.got == shown(self.right.expected())


def shown(rows: list[list[str]]) -> str:
    """Rows as one line of text."""
    return ", ".join(" ".join(row) for row in rows) or "nothing"


def folder_of_cases() -> Path:
    """The folder of the cases: QUANYU_CASES, or shared/cases beside the repository."""
    return Path(os.environ.get("QUANYU_CASES") or ROOT.parent / "shared" / "cases")


def judge(checks: Mapping[str, Check], cases: Path, scratch: Path) -> Iterator[Verdict]:
    """Run checks in homes below a scratch folder. Yields a verdict per expected answer, as homes finish."""
    together: dict[tuple[tuple[date, ...], tuple[str, ...]], list[str]] = {}
    for name, check in checks.items():
        refusal = _refusal(name, check, cases, scratch)
        if refusal or (cases / name / PROGRAM).exists():
            yield from _verdicts(name, check, _views_alone(refusal, cases / name / PROGRAM, scratch / "nothing-ran"))
        else:
            together.setdefault((check.days, check.beside), []).append(name)
    for number, ((days, beside), names) in enumerate(together.items()):
        home = CaseHome(scratch / f"together-{number}")
        home.lay(cases / name for name in (*beside, *names))
        for day in days:
            home.run(day)
        for command in dict.fromkeys(command for name in names for command in checks[name].commands):
            home.ask(command)
        views = evidence(home)
        for name in names:
            yield from _verdicts(name, checks[name], views)


def _refusal(name: str, check: Check, cases: Path, scratch: Path) -> str:
    home = CaseHome(scratch / name)
    home.lay(cases / other for other in (*check.beside, name))
    return home.refusal()


def _views_alone(refusal: str, program: Path, folder: Path) -> Evidence:
    """Views of a case that runs alone: why it was refused, or what its program printed."""
    empty = CaseHome(folder)
    empty.lay([])
    views = evidence(empty)
    if refusal:
        views.database.execute("insert into refused values (?)", [refusal])
    views.add("printed", {"line": "varchar"}, [(line,) for line in _printed(program)])
    return views


def _printed(program: Path) -> list[str]:
    if not program.exists():
        return []
    line = [sys.executable, str(program)]
    done = subprocess.run(line, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)
    words: str = done.stdout + done.stderr
    return words.splitlines()


def _verdicts(name: str, check: Check, views: Evidence) -> Iterator[Verdict]:
    for right in check.right:
        try:
            got = shown(views.ask(right.query))
        except duckdb.Error as error:
            got = f"query failed: {str(error).splitlines()[0]}"
        yield Verdict(name, right, got)
