"""The summary after a run: what stopped, each step, what the stages report, and notes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console, Group
from rich.table import Table as Grid
from rich.text import Text

from quanyu import discover
from quanyu.errors import actor, worst
from quanyu.plurals import number_of
from quanyu.printable import printable
from quanyu.run.runner import Context, Result
from quanyu.run.summary.notes import kind_of, note_lines
from quanyu.run.summary.panels import grid

COUNTS = ("rows_in", "rows_out", "quarantined", "unchanged")
STATES = {"done": "green", "skipped": "dim", "kept": "dim", "stopped": "bold red"}


def summary(context: Context, results: Sequence[Result], seconds: float, every_step: bool = False) -> Group:
    """Build the summary of a run: steps of a kind together, or with `every_step` each by itself with all its notes."""
    parts: list[Any] = [*_stops(results), _steps(results, context, seconds, every_step)]
    parts += [part for stage in discover.stages() for part in stage.report(results)]
    return Group(*parts, *note_lines(results, every_step))


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


def _steps(results: Iterable[Result], context: Context, seconds: float, every_step: bool) -> Grid:
    """A row for the usual steps of each kind, one for the others of a stage, and one for each step that is unusual."""
    columns = ("step", "state", "in", "out", "quarantined", "unchanged", "seconds (slowest)")
    panel = grid(f"{context.day} in {seconds:.0f} s", *columns)
    panel.columns[1].justify = panel.columns[-1].justify = "left"
    panel.columns[4].no_wrap = True
    for label, members in _grouped(results, context, every_step):
        slowest = max(members, key=lambda result: result.seconds)
        several = f" ({slowest.step.removeprefix(f'{label}.')} {slowest.seconds:.1f})" if len(members) > 1 else ""
        name = f"{label}: {len(members)} steps" if len(members) > 1 else members[0].step
        total = f"{sum(result.seconds for result in members):.1f}"
        panel.add_row(name, _states(members), *_counts(members), total + several)
    return panel


def _grouped(results: Iterable[Result], context: Context, every_step: bool) -> Iterator[tuple[str, list[Result]]]:
    """Steps that share a row, with what they are called, in the order of the stages."""
    by_stage: dict[str, list[Result]] = {}
    for result in results:
        # A step of an earlier release may be gone.
        step = context.steps.get(result.step)
        by_stage.setdefault(step.stage if step else kind_of(result.step), []).append(result)
    for stage, members in by_stage.items():
        usual = [result for result in members if not (every_step or _unusual(result))]
        kinds = Counter(kind_of(result.step) for result in usual)
        labels = {kind: kind if number > 1 else stage for kind, number in kinds.items()}
        for label in dict.fromkeys(labels.values()):
            yield label, [result for result in usual if labels[kind_of(result.step)] == label]
        yield from ((stage, [result]) for result in members if result not in usual)


def _unusual(result: Result) -> bool:
    """Whether somebody has to look at a step by itself: it stopped, was kept or held something back."""
    outcome = result.outcome
    held = outcome.quarantined or outcome.run_again or outcome.breaches or outcome.alerts
    return result.status in ("stopped", "kept") or bool(held)


def _states(results: Sequence[Result]) -> Text:
    """How many steps ended how; of one step, only how."""
    counts = Counter(result.status for result in results)
    words = [(f"{n} {status}" if len(results) > 1 else status, STATES[status]) for status, n in counts.items()]
    return Text(", ").join(Text(*each) for each in words)


def _counts(results: Sequence[Result]) -> list[str]:
    outcomes = [result.outcome for result in results]
    sums = (sum(getattr(outcome, name) for outcome in outcomes) for name in COUNTS)
    return [f"{n:,}" if n else "·" for n in sums]


def show(console: Console, context: Context, results: Sequence[Result], seconds: float) -> None:
    """Print the summary and commands to try next."""
    console.print(summary(context, results, seconds))
    commands = [command for stage in discover.stages() for command in stage.suggest(results)]
    hints = ", ".join(f"[bold]{command}[/bold]" for command in (*commands[:1], "quanyu tables"))
    default_places = Path("conf").resolve(), Path(".quanyu").resolve()
    own_places = (context.settings.conf, context.settings.home) != default_places
    place = " (with the same conf and home)" if own_places else ""
    console.print(f"Next{place}: {hints}, or [bold]quanyu up[/bold] for the pages.")
