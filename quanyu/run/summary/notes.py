"""Notes of steps for the summary: what many steps of a kind say alike is one line that names them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from rich.text import Text

from quanyu.printable import cell
from quanyu.run.runner import Result

# A number by itself, not a part of a name, a path or a day.
NUMBER = re.compile(r"(?<![\w./:-])\d[\d,]*(?:\.\d+)?(?![\w/:-]|\.\d)")
# A skipped step repeats what its last run said.
AGAIN = {"skipped": " (last run)"}
# A line names so many steps, and counts the others.
MOST_NAMED = 12


def kind_of(step: str) -> str:
    """What a step does, without whom it does it for: `features` of `features.value`."""
    return step.partition(".")[0]


def own_name(step: str) -> str:
    """What a step does it for: `value` of `features.value`; the whole name of a step that is alone of its kind."""
    return step.partition(".")[2] or step


@dataclass
class _Line:
    """What steps say in words that differ by their numbers at most."""

    said: list[str] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)

    def words(self) -> str:
        """The words, with the lowest and the highest of numbers that differ."""
        ranges = (_range(numbers) for numbers in zip(*map(NUMBER.findall, self.said), strict=True))
        return NUMBER.sub(lambda _: next(ranges), self.said[0])


def note_lines(results: Sequence[Result], every_step: bool) -> list[Text]:
    """Lines with the notes of all steps, under a heading.

    With `every_step`, each note stands for itself.
    """
    lines: dict[tuple[str, ...], _Line] = {}
    for result in results:
        alone = result.step if every_step else ""
        for note in result.outcome.notes:
            words = note if alone else NUMBER.sub("#", note)
            line = lines.setdefault((kind_of(result.step), result.status, alone, words), _Line())
            line.said.append(note)
            line.steps.append(result.step)
    quarantined = {result.step for result in results if result.outcome.quarantined}
    of_kind = {kind: {r.step for r in results if kind_of(r.step) == kind} for kind, *_ in lines}
    shown = [
        cell(f"  {_named(kind, line.steps, len(of_kind[kind]))}{AGAIN.get(status, '')}: {line.words()}",
             "yellow" if quarantined & {*line.steps} else "")
        for (kind, status, alone, _), line in lines.items()
    ]  # fmt: skip
    return [*([Text("Notes", "bold")] if shown else []), *shown]


def _named(kind: str, steps: Iterable[str], of_kind: int) -> str:
    """The steps that say something: one in full, all of a kind by their number, others by name."""
    names = list(dict.fromkeys(steps))
    if len(names) == 1:
        return names[0]
    if len(names) == of_kind:
        return f"{kind}, all {of_kind}"
    listed = ", ".join(own_name(name) for name in names[:MOST_NAMED])
    others = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"{kind} {listed}{others}"


def _range(numbers: Sequence[str]) -> str:
    """One number, or the lowest and the highest of several."""
    ordered = sorted(set(numbers), key=lambda number: float(number.replace(",", "")))
    return ordered[0] if len(ordered) == 1 else f"{ordered[0]} to {ordered[-1]}"
