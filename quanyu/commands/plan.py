"""The command `plan`: what a run of a day would do, and why."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import typer

from quanyu.cli import Conf, Day, Home, opened, say
from quanyu.run.business_days import day_of

if TYPE_CHECKING:
    from quanyu.run.planning.plan import Plan

STYLES = {"runs": "green", "may run": "yellow", "stops": "bold red"}


def add(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(plan)


def plan(day: Day, conf: Conf = None, home: Home = None) -> None:
    """Show what a run of a day would do and why, and what is declared anew, without running or writing anything.

    Example: `quanyu plan --day 2025-02-03`
    """
    from quanyu.run.planning import plan as plans

    for part in plan_panels(plans.plan(opened(conf, home), day_of(day))):
        say(part)


def _grouped(plan: Plan) -> Iterator[tuple[str, str, str]]:
    """Names, state and effects: a line for each declaration with effects, and one for all others of a step."""
    lines: dict[tuple[str, ...], list[str]] = {}
    for change in plan.changes:
        kind, _, name = change.name.partition(" ")
        alone = (name,) if change.effects else ()
        lines.setdefault((kind, change.step, change.how, "; ".join(change.effects), *alone), []).append(name)
    for (kind, _, how, effects, *_), names in lines.items():
        yield f"{kind}{'s' if len(names) > 1 else ''} {', '.join(names)}", how, effects


def plan_panels(plan: Plan) -> Iterator[Any]:
    """Parts of a plan for the screen."""
    from rich.table import Table as Grid

    from quanyu.printable import cell

    steps = Grid(
        "step", "state", "why", title=f"What a run of {plan.day} would do", title_justify="left", header_style="bold"
    )
    for step in plan.steps:
        steps.add_row(cell(step.step), cell(step.does, STYLES.get(step.does, "dim")), cell("; ".join(step.reasons)))
    if plan.stops:
        yield cell(f"No step would run. {plan.stops}", "bold red")
    yield steps
    if plan.changes:
        changes = Grid(
            "declaration", "change", "effect", title="Declared since", title_justify="left", header_style="bold"
        )
        for names, how, effects in _grouped(plan):
            changes.add_row(cell(names), cell(how), cell(effects))
        yield changes
    for absent in plan.absent:
        yield f"{absent.file}: {absent.key}: {absent}"
