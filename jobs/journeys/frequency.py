"""Frequency cap: limits how often a person gets messages over all journeys; others wait for a later day."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date

from jobs.journeys.program import Decision, JourneyInstance
from quanyu.run.runner import Context

# Statuses of messages that may have arrived. Others do not count against the cap.
ARRIVED = ("announced", "sending", "sent", "unknown")


def limit_frequency(
    context: Context,
    decided: Iterable[Decision],
    instances: Iterable[JourneyInstance],
    last_day: Callable[[Decision], date],
) -> tuple[list[Decision], int]:
    """Leave out messages to persons who got another one less than quiet_days ago, and count them.

    The next run asks again. A message past its last day passes, so that it is recorded as expired.
    """
    person = {instance.instance_id: instance.customer_id for instance in instances}
    planned = context.store.outbox.all()
    last: dict[str, date] = {}
    for message in planned:
        if message.status in ("planned", *ARRIVED):
            who = person.get(message.instance_id, message.customer_id)
            on = context.day if message.status == "planned" else message.planned_on
            last[who] = max(on, last.get(who, on))
    keys = {message.key for message in planned}
    going, waiting = [], 0
    for decision in sorted(decided, key=_order):
        who = person.get(decision.instance_id, decision.customer_id)
        is_due = decision.decision == "message" and _key(decision) not in keys and last_day(decision) >= context.day
        if is_due and who in last and (context.day - last[who]).days < context.settings.quiet_days:
            waiting += 1
            continue
        if is_due:
            last[who] = context.day
        going.append(decision)
    return going, waiting


def _key(decision: Decision) -> str:
    return f"{decision.instance_id}-{decision.step}"


def _order(decision: Decision) -> tuple[date, str, int]:
    return (decision.decided_on, decision.instance_id, decision.step)
