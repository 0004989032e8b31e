"""The summary after a run: what stopped, each step, then customers, tags, audiences, models, files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from rich.console import Console, Group
from rich.table import Table as Grid
from rich.text import Text

from quanyu.errors import actor, worst
from quanyu.printable import cell, printable
from quanyu.run.runner import Context, Result

STATES = {"done": "green", "skipped": "dim", "kept": "dim", "stopped": "bold red"}


def summary(context: Context, results: Sequence[Result], seconds: float) -> Group:
    """Build the summary of a run."""
    parts: list[Any] = [*_stops(results), _steps(results, context.day, seconds)]
    parts += [part for part in (_customers(results), _tags(results), _audiences(results), _models(results)) if part]
    parts += [*_exports(results), *_messages(results), *_notes(results)]
    return Group(*parts)


def _stops(results: Iterable[Result]) -> list[Text]:
    """Lines about steps that stopped, and who must act, the worst first."""
    stopped = sorted((r for r in results if r.status == "stopped"), key=lambda r: worst(r.fault))
    if not stopped:
        return []
    head = Text("1 step stopped" if len(stopped) == 1 else f"{len(stopped)} steps stopped", "bold red")
    return [
        head,
        *(Text(printable(f"  {r.step}: {actor(r.fault)} must act: {r.error}", keep="\n"), "bold red") for r in stopped),
        Text(),
    ]


def _grid(title: str, *columns: str) -> Grid:
    grid = Grid(title=title, title_justify="left", title_style="bold", header_style="bold", expand=False)
    for position, column in enumerate(columns):
        grid.add_column(column, justify="left" if position == 0 else "right", no_wrap=position == 0)
    return grid


def _steps(results: Iterable[Result], day: date, seconds: float) -> Grid:
    grid = _grid(f"{day} in {seconds:.0f} s", "step", "state", "in", "out", "quarantined", "unchanged", "seconds")
    for result in results:
        outcome = result.outcome
        counts = [
            f"{n:,}" if n else "·" for n in (outcome.rows_in, outcome.rows_out, outcome.quarantined, outcome.unchanged)
        ]
        grid.add_row(result.step, Text(result.status, STATES[result.status]), *counts, f"{result.seconds:.1f}")
    return grid


def _facts(results: Iterable[Result], key: str) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for result in results:
        facts |= result.outcome.facts.get(key) or {}
    return facts


def _customers(results: Sequence[Result]) -> Text | None:
    outcome = next((r.outcome for r in results if r.step == "identities" and r.outcome.facts), None)
    if outcome is None:
        return None
    f = outcome.facts
    return Text(f"{f['customers']:,} customers out of {outcome.rows_in:,} persons "
                f"({f['minted']:,} new ids, {f['merged']:,} merged, {f['split']:,} split)")  # fmt: skip


def _tags(results: Sequence[Result]) -> Grid | None:
    counts = _facts(results, "tags")
    total = max((r.outcome.rows_in for r in results if r.step.startswith("features.")), default=0)
    if not counts:
        return None
    grid = _grid("Tags", "tag", "customers", "coverage")
    for tag, count in counts.items():
        grid.add_row(tag, f"{count:,}", f"{count / total:.1%}" if total else "·")
    return grid


def _audiences(results: Sequence[Result]) -> Grid | None:
    counts = _facts(results, "audiences")
    if not counts:
        return None
    grid = _grid("Audiences", "audience", "customers")
    for name, count in counts.items():
        grid.add_row(name, f"{count:,}")
    return grid


def _models(results: Sequence[Result]) -> Grid | None:
    model_facts = [r.outcome.facts for r in results if r.outcome.facts.get("metrics")]
    if not model_facts:
        return None
    grid = _grid("Models", "model", "champion", "AUC", "recency alone", "ECE", "lift at 10 %", "tested on")
    for facts in model_facts:
        m = facts["metrics"]
        figures = [f"{m[name]:.3f}" for name in ("auc", "baseline_auc", "ece", "lift_at_10pct")]
        grid.add_row(facts["model"], "yes" if facts["champion"] else "no", *figures, f"{m['test_rows']:,.0f}")
    return grid


def _exports(results: Iterable[Result]) -> list[Text]:
    exports = [r for r in results if r.step.startswith("export.") and r.outcome.facts.get("location")]
    return [Text(f"{r.step}: {r.outcome.facts['rows']:,} rows in {r.outcome.facts['location']}") for r in exports]


def _messages(results: Iterable[Result]) -> list[Text]:
    sent = next((r.outcome.facts for r in results if r.step == "send" and r.outcome.facts), None)
    if not sent:
        return []
    return [
        Text("Messages: " + ", ".join(f"{count:,} {state}" for state, count in sent.items() if isinstance(count, int)))
    ]


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
    bad = next((r.step.removeprefix("ingest.") for r in results if r.outcome.quarantined), None)
    hint = f"quanyu table quarantine/{bad}" if bad else "quanyu table customers --limit 10"
    console.print(f"Next: [bold]{hint}[/bold], [bold]quanyu tables[/bold], or [bold]quanyu up[/bold] for the pages.")
