"""Compiles a journey to numbered operations, and advances instances through them by due day. Needs no engine."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Literal

from quanyu.grammar.declaration import digest
from quanyu.grammar.journey import Branch, Journey, JourneyStep, MessageTemplate

COMPLETED, GOAL = "completed", "goal"
Kind = Literal["wait", "message", "branch", "jump", "end"]
# Whether the table has a row since the instance began, by the data at the end of this day.
Happened = Callable[[str, date], bool]


@dataclass(frozen=True)
class Operation:
    """One numbered operation. Jumps only lead forward, so that every instance ends."""

    kind: Kind
    days: int = 0
    message: MessageTemplate | None = None
    happened: str = ""
    then: int = 0
    otherwise: int = 0
    outcome: str = ""


@dataclass(frozen=True)
class Program:
    """The operations of a journey. The last one ends the instance as completed."""

    journey: str
    goal: str
    operations: tuple[Operation, ...]

    @property
    def tables(self) -> tuple[str, ...]:
        """Tables in which a row can change the path of an instance."""
        return tuple(sorted({self.goal, *(o.happened for o in self.operations if o.happened)}))

    def shape(self) -> str:
        """Hash of the kinds and targets of operations. It must not change under an instance; texts and waits may."""
        return digest([[operation.kind, operation.then, operation.otherwise] for operation in self.operations])


@dataclass(frozen=True)
class JourneyInstance:
    """One customer's instance of a journey; fields as in the table journey_instances."""

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
        """Its record, as source and person key; None for an instance from before records were stored."""
        return (self.source, self.person_key) if self.source and self.person_key else None

    def prevents_entry(self, entered_on: date, days: int) -> bool:
        """Whether the same person may not enter again on a day: still under way then, or entered too near to it.

        `days` is the least number of days between two entries.
        """
        under_way = self.entered_on <= entered_on and (self.status == "active" or entered_on <= self.moved_on)
        return under_way or abs((entered_on - self.entered_on).days) < max(days, 1)


@dataclass(frozen=True)
class Decision:
    """What was decided for an instance at a step; fields as in the table decisions."""

    instance_id: str
    step: int
    journey: str
    customer_id: str
    decided_on: date
    decision: str
    reason: str | None = None


@dataclass(frozen=True)
class DecisionInputs:
    """The inputs of an instance's decisions: events by day, current consent, and earlier decisions by step."""

    happened: Happened
    consented: bool
    decided: Mapping[int, Decision] = field(default_factory=dict)


def program(journey: Journey) -> Program:
    """Compile a journey's steps to operations."""
    laid = _laid(journey.steps, 0)
    return Program(journey.name, journey.goal, (*laid, Operation("end", outcome=COMPLETED)))


def _laid(steps: Iterable[JourneyStep], start: int) -> list[Operation]:
    laid: list[Operation] = []
    for step in steps:
        laid += _forked(step.branch, start + len(laid)) if step.branch else [_operation(step)]
    return laid


def _operation(step: JourneyStep) -> Operation:
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
    """Id of an instance: the same on every run for the same entry of the same customer."""
    return hashlib.sha256(f"{journey}\x1f{customer_id}\x1f{entered_on}".encode()).hexdigest()[:32]


def new_instance(journey: str, customer_id: str, entered_on: date) -> JourneyInstance:
    """Begin an instance on the day on which the customer entered the audience."""
    name = instance_id(journey, customer_id, entered_on)
    return JourneyInstance(name, journey, customer_id, entered_on, 0, entered_on, "active", None, entered_on)


def advance(
    program: Program, instance: JourneyInstance, day: date, facts: DecisionInputs
) -> tuple[JourneyInstance, list[Decision]]:
    """Take every step that is due by the day, each as of the date it was due. Returns the instance and new decisions.

    A run after skipped days therefore decides as daily runs would have. Earlier decisions remain valid: after a run was
    killed, the next one repeats them, whatever has changed since.
    """
    decisions: list[Decision] = []
    while instance.status == "active" and instance.due_on <= day:
        decision = facts.decided.get(instance.step) or _decided(program, instance, facts)
        if decision is not None and instance.step not in facts.decided:
            decisions.append(decision)
        instance = _moved(program.operations[instance.step], instance, decision)
    return instance, decisions


def _decided(program: Program, instance: JourneyInstance, facts: DecisionInputs) -> Decision | None:
    operation = program.operations[instance.step]
    if operation.kind == "message":
        if facts.happened(program.goal, instance.due_on):
            return _decision(instance, "end", GOAL)
        return (
            _decision(instance, "message") if facts.consented else _decision(instance, "held", "no consent to messages")
        )
    if operation.kind == "branch":
        yes = facts.happened(operation.happened, instance.due_on)
        return _decision(instance, "then" if yes else "otherwise", operation.happened)
    return _decision(instance, "end", operation.outcome) if operation.kind == "end" else None


def _decision(instance: JourneyInstance, decision: str, reason: str | None = None) -> Decision:
    return Decision(
        instance.instance_id, instance.step, instance.journey, instance.customer_id, instance.due_on, decision, reason
    )


def _moved(operation: Operation, instance: JourneyInstance, decision: Decision | None) -> JourneyInstance:
    on, choice = instance.due_on, decision.decision if decision else operation.kind
    if decision is not None and choice == "end":
        return replace(instance, status="ended", outcome=decision.reason, moved_on=on)
    to = {"then": operation.then, "jump": operation.then, "otherwise": operation.otherwise}.get(
        choice, instance.step + 1
    )
    return replace(instance, step=to, due_on=on + timedelta(days=operation.days), moved_on=on)
