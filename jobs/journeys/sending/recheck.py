"""Checks each message again when it is sent: it must be in time and in its journey, with the goal not reached."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Literal

from jobs.journeys import instances
from jobs.journeys.program import JourneyInstance, Program
from jobs.journeys.sending.send import Recheck
from jobs.journeys.sending.template import Template
from quanyu.run.runner import Context
from quanyu.store import Message

Ending = tuple[Literal["expired", "cancelled"], str]


def recheck(context: Context, programs: Mapping[str, Program], texts: Mapping[str, Template]) -> Recheck:
    """Return a function that finds messages not to be sent any more, with their final status and the reason.

    It reads events when it is called, and instances when it is created.
    """
    by_instance = {instance.instance_id: instance for instance in instances.read_instances(context)}

    def ask(messages: Sequence[Message]) -> Mapping[str, Ending]:
        endings = {m.key: _ending(context, programs, texts, m, by_instance.get(m.instance_id)) for m in messages}
        going = [by_instance[m.instance_id] for m in messages if endings[m.key] is None]
        goals = instances.customer_events(
            context, going, sorted({programs[instance.journey].goal for instance in going})
        )
        for message in messages:
            instance = by_instance.get(message.instance_id)
            if (
                endings[message.key] is None
                and instance is not None
                and _reached(instance, programs, goals, context.day)
            ):
                endings[message.key] = ("expired", "the goal was reached before it went out")
        return {key: ending for key, ending in endings.items() if ending is not None}

    return ask


def expire(context: Context, programs: Mapping[str, Program]) -> int:
    """Expire planned messages past their last day on every channel, even one that fails. Returns their number.

    The other checks are made when a message is sent.
    """
    outbox, ended = context.store.outbox, 0
    for message in outbox.all("planned"):
        if ending := _late(context, programs.get(message.journey), message):
            outbox.set_status(message.key, *ending)
            ended += 1
    return ended


def last_day(context: Context, program: Program | None, step: int, due_on: date) -> date:
    """Last day on which the message of a step may be sent."""
    message = program.operations[step].message if program and step < len(program.operations) else None
    days = message.expires if message and message.expires is not None else context.settings.mail.expires_days
    return due_on + timedelta(days=days)


def _ending(
    context: Context,
    programs: Mapping[str, Program],
    texts: Mapping[str, Template],
    message: Message,
    instance: JourneyInstance | None,
) -> Ending | None:
    program = programs.get(message.journey)
    if program is None:
        return "cancelled", f"the journey {message.journey} is not declared any more"
    if message.template not in texts:
        return "cancelled", f"the journey {message.journey} has no message at step {message.step} any more"
    if instance is None:
        return "expired", "the customer's walk is gone"
    # An instance that reached a declared end passed through this message, so it may still be sent.
    through = {operation.outcome for operation in program.operations if operation.kind == "end"}
    if instance.status == "ended" and instance.outcome not in through:
        return "expired", f"the customer left the journey: {instance.outcome}"
    return _late(context, program, message)


def _late(context: Context, program: Program | None, message: Message) -> Ending | None:
    due_on = message.due_on or message.planned_on
    last = message.expires_on or last_day(context, program, int(message.step), due_on)
    if context.day <= last:
        return None
    why = f"; last: {message.reason}" if message.reason else ""
    return "expired", f"was due on {due_on}, and may go out until {last}{why}"


def _reached(
    instance: JourneyInstance, programs: Mapping[str, Program], goals: instances.CustomerEvents, day: date
) -> bool:
    events = goals.get((programs[instance.journey].goal, instance.customer_id), ())
    return any(happening.is_in_data(instance.entered_on, day) for happening in events)
