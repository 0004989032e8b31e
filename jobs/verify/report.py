"""Report of a verification: seconds, tables, and each difference with its declaration."""

from __future__ import annotations

from typing import Any

from rich.console import Group
from rich.table import Table as Grid
from rich.text import Text

from jobs.verify.compare import Difference, TableComparison
from jobs.verify.proof import Proof
from quanyu.plurals import number_of


def report(proof: Proof) -> Group:
    """Build the report. It contains no value of a row."""
    parts: list[Any] = [f"{proof.day} on {' and '.join(run.engine for run in proof.runs)}, {proof.begins}"]
    parts += [_seconds(proof), _tables(proof)]
    if proof.origins:
        parts.append(_differences(proof))
    parts += [Text(f"{step} ended on {proof.runs[0].engine}: {a}; on {proof.runs[1].engine}: {b}", "bold red")
              for step, a, b in proof.stopped]  # fmt: skip
    if proof.left_out:
        parts.append(
            f"Not run, because they send, export or only record: steps that write {', '.join(proof.left_out)}."
        )
    return Group(*parts, _verdict(proof))


def _grid(title: str, left: tuple[str, ...], right: tuple[str, ...]) -> Grid:
    grid = Grid(title=title, title_justify="left", title_style="bold", header_style="bold")
    for name in left:
        grid.add_column(name, overflow="fold")
    for name in right:
        grid.add_column(name, justify="right", no_wrap=True)
    return grid


def _seconds(proof: Proof) -> Grid:
    grid = _grid("Seconds", ("step",), tuple(run.engine for run in proof.runs))
    for left, right in zip(*(run.results for run in proof.runs), strict=True):
        grid.add_row(left.step, f"{left.seconds:.1f}", f"{right.seconds:.1f}")
    grid.add_row("all, with the engine's start", *(f"{run.seconds:.1f}" for run in proof.runs), style="bold")
    return grid


def _tables(proof: Proof) -> Grid:
    grid = _grid("Tables", ("table",), (*(f"rows on {run.engine}" for run in proof.runs), "rows that differ"))
    for comparison in proof.comparisons:
        _add(grid, comparison)
    rows = (sum(c.rows_a for c in proof.comparisons), sum(c.rows_b for c in proof.comparisons))
    differing = sum(c.rows_that_differ for c in proof.comparisons)
    grid.add_row("all", *(f"{count:,}" for count in (*rows, differing)), style="bold")
    return grid


def _add(grid: Grid, comparison: TableComparison) -> None:
    counts = (comparison.rows_a, comparison.rows_b, comparison.rows_that_differ)
    grid.add_row(comparison.place, *(f"{count:,}" for count in counts), style="red" if counts[2] else "")


def _differences(proof: Proof) -> Grid:
    grid = _grid("Differences", ("table", "column", "declared by"), ("rows",))
    for difference, origin in proof.origins.items():
        grid.add_row(difference.place, difference.column or "(rows)", origin, _count(proof, difference))
    return grid


def _count(proof: Proof, difference: Difference) -> str:
    if difference.column:
        return f"{difference.rows:,}"
    left, right = (run.engine for run in proof.runs)
    return f"{difference.only_a:,} only on {left}\n{difference.only_b:,} only on {right}"


def _verdict(proof: Proof) -> Text:
    if proof.equal:
        tables = number_of(len(proof.comparisons), "table")
        return Text(f"Equal: {tables} with the same rows on both engines.", "bold green")
    wrong = sum(1 for comparison in proof.comparisons if comparison.differences)
    return Text(f"{wrong} of {len(proof.comparisons)} tables differ: change their declarations, and verify again.",
                "bold red")  # fmt: skip
