"""`make cases`: runs the cases and prints, for each, the expected and the actual answers, and the verdict.

Names or numbers of cases as arguments choose some of them. Exits with 1 if a case that must be right is wrong.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from case_check import checks, expected_right
from case_verdicts import Verdict, folder_of_cases, judge, shown
from rich.console import Console
from rich.table import Table
from rich.text import Text


def main(chosen: list[str]) -> int:
    """Run and print; returns the exit code."""
    console = Console() if sys.stdout.isatty() else Console(width=180)
    cases = folder_of_cases()
    if not cases.is_dir():
        console.print(f"There are no cases: the folder {cases} does not exist. Set QUANYU_CASES to their folder.")
        return 0
    declared = {name: check for name, check in checks().items() if not chosen or _is_chosen(name, chosen)}
    present = {name: check for name, check in declared.items() if (cases / name).is_dir()}
    with tempfile.TemporaryDirectory(prefix="quanyu-cases-") as scratch:
        verdicts = sorted(judge(present, cases, Path(scratch)), key=lambda verdict: verdict.case)
    console.print(_table(verdicts))
    missing = sorted(set(declared) - set(present))
    wrong = {verdict.case for verdict in verdicts if not verdict.is_right}
    regressed = sorted(wrong & set(expected_right()))
    console.print(f"{len(present) - len(wrong)} of {len(present)} cases are right.")
    if missing:
        console.print(f"Not in {cases}: {', '.join(missing)}")
    if regressed:
        console.print(f"These must be right and are wrong: {', '.join(regressed)}")
    return 1 if regressed else 0


def _is_chosen(name: str, chosen: list[str]) -> bool:
    return name in chosen or name.partition("_")[0] in chosen


def _table(verdicts: list[Verdict]) -> Table:
    table = Table("case", "right", "got", "verdict", show_lines=True)
    for verdict in verdicts:
        right = f"{verdict.right.right}\n= {shown(verdict.right.expected())}"
        word = Text("right", "green") if verdict.is_right else Text("wrong", "bold red")
        table.add_row(verdict.case, Text(right), Text(verdict.got), word)
    return table


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
