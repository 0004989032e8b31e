"""A journey as numbered operations, and how one walk through them advances: plain Python, by the days that are due."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Literal

from quanyu.declare import digest
from quanyu.journey import Branch, Journey, Message, Step

COMPLETED, GOAL = "completed", "goal"
Kind = Literal["wait", "message", "branch", "jump", "end"]
# Whether a row of this table happened since the walk began, as was known at the end of this day.
Happened = Callable[[str, date], bool]


@dataclass(frozen=True)
class Operation:
    """One numbered operation; jumps only lead forward, so that every walk comes to an end."""

    kind: Kind
    days: int = 0
    message: Message | None = None
    happened: str = ""
    then: int = 0
    otherwise: int = 0
    outcome: str = ""


@dataclass(frozen=True)
class Program:
    """A journey's operations; the last one is an end that whoever reaches it has completed the journey."""

    journey: str
    goal: str
    operations: tuple[Operation, ...]

    @property
    def tables(self) -> tuple[str, ...]:
        """Tables in which it matters to a walk whether a row happened."""
        return tuple(sorted({self.goal, *(o.happened for o in self.operations if o.happened)}))

    def shape(self) -> str:
        """Hash of what gives positions their meaning: texts, waits and tables may change under a walk, this may not."""
        return digest([[operation.kind, operation.then, operation.otherwise] for operation in self.operations])


@dataclass(frozen=True)
class Walk:
    """A person's way through a journey; fields as in the table of instances."""

    instance_id: str
    journey: str
    customer_id: str
    entered_on: date
    step: int
    due_on: date
    status: Literal["active", "ended"]
    outcome: str | None
    moved_on: date
    audience: str | None = None
    source: str | None = None
    person_key: str | None = None

    @property
    def record(self) -> tuple[str, str] | None:
        """The record that it belongs to: source and person key; None for one of before this was noted."""
        return (self.source, self.person_key) if self.source and self.person_key else None

    def bars(self, entered_on: date, days: int) -> bool:
        """Whether the same person may not enter again on a day: under way then, or entered less than days apart."""
        under_way = self.entered_on <= entered_on and (self.status == "active" or entered_on <= self.moved_on)
        return under_way or abs((entered_on - self.entered_on).days) < max(days, 1)


@dataclass(frozen=True)
class Decision:
    """What was decided for a walk at a step; fields as in the table of decisions."""

    instance_id: str
    step: int
    journey: str
    customer_id: str
    decided_on: date
    decision: str
    reason: str | None = None


@dataclass(frozen=True)
class Known:
    """What a walk's decisions depend on: happenings by day, consent as it is now, and what was decided before."""

    happened: Happened
    consented: bool
    decided: Mapping[int, Decision] = field(default_factory=dict)


def program(journey: Journey) -> Program:
    """Flatten a journey's steps."""
    laid = _laid(journey.steps, 0)
    return Program(journey.name, journey.goal, (*laid, Operation("end", outcome=COMPLETED)))


def _laid(steps: Iterable[Step], start: int) -> list[Operation]:
    laid: list[Operation] = []
    for step in steps:
        laid += _forked(step.branch, start + len(laid)) if step.branch else [_operation(step)]
    return laid


def _operation(step: Step) -> Operation:
    if step.wait is not None:
        return Operation("wait", days=step.wait)
    if step.message is not None:
        return Operation("message", message=step.message)
    return Operation("end", outcome=step.end or COMPLETED)


def _forked(branch: Branch, at: int) -> list[Operation]:
    then = _laid(branch.then, at + 1)
    second = at + len(then) + 2
    otherwise = _laid(branch.otherwise, second)
    asks = Operation("branch", happened=branch.happened, then=at + 1, otherwise=second)
    return [asks, *then, Operation("jump", then=second + len(otherwise)), *otherwise]


def instance_id(journey: str, customer_id: str, entered_on: date) -> str:
    """Name a walk: the same on every run for the same entry of the same customer."""
    return hashlib.sha256(f"{journey}\x1f{customer_id}\x1f{entered_on}".encode()).hexdigest()[:32]


def entered(journey: str, customer_id: str, entered_on: date) -> Walk:
    """Begin a walk on the day on which the customer came into the audience."""
    name = instance_id(journey, customer_id, entered_on)
    return Walk(name, journey, customer_id, entered_on, 0, entered_on, "active", None, entered_on)


def advance(program: Program, walk: Walk, day: date, facts: Known) -> tuple[Walk, list[Decision]]:
    """Take every step that is due by the day, each on the date it was due, and return what was newly decided.

    A run after a gap therefore decides as daily runs would have. What was decided before stands: a run that was killed
    after its decisions were kept walks the same way again, whatever has changed since.
    """
    decisions: list[Decision] = []
    while walk.status == "active" and walk.due_on <= day:
        decision = facts.decided.get(walk.step) or _decided(program, walk, facts)
        if decision is not None and walk.step not in facts.decided:
            decisions.append(decision)
        walk = _moved(program.operations[walk.step], walk, decision)
    return walk, decisions


def _decided(program: Program, walk: Walk, facts: Known) -> Decision | None:
    operation = program.operations[walk.step]
    if operation.kind == "message":
        if facts.happened(program.goal, walk.due_on):
            return _decision(walk, "end", GOAL)
        return _decision(walk, "message") if facts.consented else _decision(walk, "held", "no consent to messages")
    if operation.kind == "branch":
        yes = facts.happened(operation.happened, walk.due_on)
        return _decision(walk, "then" if yes else "otherwise", operation.happened)
    return _decision(walk, "end", operation.outcome) if operation.kind == "end" else None


def _decision(walk: Walk, decision: str, reason: str | None = None) -> Decision:
    return Decision(walk.instance_id, walk.step, walk.journey, walk.customer_id, walk.due_on, decision, reason)


def _moved(operation: Operation, walk: Walk, decision: Decision | None) -> Walk:
    on, choice = walk.due_on, decision.decision if decision else operation.kind
    if decision is not None and choice == "end":
        return replace(walk, status="ended", outcome=decision.reason, moved_on=on)
    to = {"then": operation.then, "jump": operation.then, "otherwise": operation.otherwise}.get(choice, walk.step + 1)
    return replace(walk, step=to, due_on=on + timedelta(days=operation.days), moved_on=on)
