"""The summary after a run: what stopped, each step, what the stages report, and notes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from rich.console import Console, Group
from rich.table import Table as Grid
from rich.text import Text

from quanyu import discover
from quanyu.errors import actor, worst
from quanyu.plurals import number_of
from quanyu.printable import cell, printable
from quanyu.run.panels import grid
from quanyu.run.runner import Context, Result

STATES = {"done": "green", "skipped": "dim", "kept": "dim", "stopped": "bold red"}


def summary(context: Context, results: Sequence[Result], seconds: float) -> Group:
    """Build the summary of a run."""
    parts: list[Any] = [*_stops(results), _steps(results, context.day, seconds)]
    parts += [part for stage in discover.stages() for part in stage.report(results)]
    return Group(*parts, *_notes(results))


def _stops(results: Iterable[Result]) -> list[Text]:
    """Lines about steps that stopped, and who must act, the worst first."""
    stopped = sorted((r for r in results if r.status == "stopped"), key=lambda r: worst(r.fault))
    if not stopped:
        return []
    head = Text(f"{number_of(len(stopped), 'step')} stopped", "bold red")
    return [
        head,
        *(Text(printable(f"  {r.step}: {actor(r.fault)} must act: {r.error}", keep="\n"), "bold red") for r in stopped),
        Text(),
    ]


def _steps(results: Iterable[Result], day: date, seconds: float) -> Grid:
    panel = grid(f"{day} in {seconds:.0f} s", "step", "state", "in", "out", "quarantined", "unchanged", "seconds")
    panel.columns[1].justify = "left"
    for result in results:
        outcome = result.outcome
        counts = [
            f"{n:,}" if n else "·" for n in (outcome.rows_in, outcome.rows_out, outcome.quarantined, outcome.unchanged)
        ]
        panel.add_row(result.step, Text(result.status, STATES[result.status]), *counts, f"{result.seconds:.1f}")
    return panel


def _notes(results: Iterable[Result]) -> list[Text]:
    notes = [
        cell(f"  {r.step}: {note}", "yellow" if r.outcome.quarantined else "")
        for r in results
        for note in r.outcome.notes
    ]
    return [*([Text("Notes", "bold")] if notes else []), *notes]


def show(console: Console, context: Context, results: Sequence[Result], seconds: float) -> None:
    """Print the summary and commands to try next."""
    console.print(summary(context, results, seconds))
    commands = [command for stage in discover.stages() for command in stage.suggest(results)]
    hints = ", ".join(f"[bold]{command}[/bold]" for command in (*commands[:1], "quanyu tables"))
    default_places = Path("conf").resolve(), Path(".quanyu").resolve()
    own_places = (context.settings.conf, context.settings.home) != default_places
    place = " (with the same conf and home)" if own_places else ""
    console.print(f"Next{place}: {hints}, or [bold]quanyu up[/bold] for the pages.")
