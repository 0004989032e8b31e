"""The marketing tool's feeds: the campaign plans, the arm of each person, and the delivery events of each message."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pyarrow as pa

from sample.columns import Array
from sample.columns.chance import scatter, uniform
from sample.columns.strings import choose, join, opaque, same, times
from sample.events import campaigns
from sample.events.campaigns import NOTICE, PLANS, TREATED, WINDOW, Wave, campaign_id, sent_on, waves
from sample.facts import DayFacts
from sample.world import World
from sample.write import Out

STATUSES = ("sent", "delivered", "opened", "clicked", "replied", "bounced", "unsubscribed", "complained")
FOLLOWED = 4
DAY = 86_400


def write_campaigns(world: World, facts: DayFacts, out: Out) -> None:
    """Write the campaign that is announced today, if any."""
    number = sent_on(facts.day + NOTICE)
    if number is None:
        return
    plan = PLANS[number % len(PLANS)]
    sends = facts.date + timedelta(days=NOTICE)
    row = {
        "campaign_id": campaign_id(number),
        "name": f"{sends.month}月{plan.name}",
        "channel": plan.channel,
        "purpose": plan.purpose,
        "goal": plan.goal,
        "starts_on": str(sends),
        "ends_on": str(sends + timedelta(days=WINDOW)),
        "arms": f"treatment:{TREATED};control:{1 - TREATED}",
    }
    out.csv("campaigns.csv", pa.table({name: [text] for name, text in row.items()}))


def write_assignments(world: World, facts: DayFacts, out: Out) -> None:
    """Write the arm of each person, on the day of the send."""
    for wave in waves(world)[-1:]:
        if wave.day == facts.day:
            many = len(wave.persons)
            columns = {
                "campaign_id": same(campaign_id(wave.number), many),
                "member_no": world.people.member_no(wave.persons),
                "arm": choose(("control", "treatment"), wave.treated.astype(np.int64)),
                "probability": choose((str(1 - TREATED), str(TREATED)), wave.treated.astype(np.int64)),
                "assigned_at": same(f"{facts.date} 09:00:00", many),
            }
            out.csv("assignments.csv", pa.table(columns))
            out.records(join(columns["campaign_id"], columns["member_no"], between="-"), wave.persons)


def write_sends(world: World, facts: DayFacts, out: Out) -> None:
    """Write today's message events of the latest campaign, one row each, by time."""
    for wave in waves(world)[-1:]:
        if not 0 <= facts.day - wave.day < FOLLOWED:
            continue
        persons, status, second = _events(world, wave)
        today = np.flatnonzero(second // DAY == facts.day - wave.day)
        order = today[np.lexsort((persons[today], status[today], second[today]))]
        persons, status, second = persons[order], status[order], second[order]
        name = campaign_id(wave.number)
        keys = join(name, "-", opaque(scatter(world.seed, "message", persons, wave.number), 12, hexadecimal=True))
        columns = {
            "message_id": keys,
            "campaign_id": same(name, len(persons)),
            "member_no": world.people.member_no(persons),
            "channel": same(PLANS[wave.number % len(PLANS)].channel, len(persons)),
            "at": times(np.full(len(persons), wave.day), second, world.start),
            "status": choose(STATUSES, status),
        }
        if len(persons):
            out.csv("sends.csv", pa.table(columns))
            first = np.flatnonzero(status == 0)
            out.records(keys.take(pa.array(first)), persons[first])


def _events(world: World, wave: Wave) -> tuple[Array, Array, Array]:
    """Return person, status (index into STATUSES) and seconds since the day of the send, for all events of a wave."""
    persons, people = wave.persons[wave.treated], world.people
    chance = [uniform(world.seed, f"send {what}", persons, wave.number) for what in STATUSES]
    reach, impulse = people.reach[persons], people.impulse[persons]
    sent = 36_000 + (chance[0] * 7200).astype(np.int64)
    bounced = chance[5] < 0.01 + 0.1 * (1 - reach)
    delivered = sent + 2 + (chance[1] * 60).astype(np.int64)
    opened = delivered + 20 + (-np.log1p(-chance[2]) * 14_000).astype(np.int64)
    opens = campaigns.opens(world, wave, persons)
    clicked = opened + 5 + (chance[3] * 90).astype(np.int64)
    clicks = opens & (uniform(world.seed, "clicks", persons, wave.number) < 0.08 + 0.6 * impulse)
    replies, leaves, complains = (
        opens & (chance[place] < share) for place, share in ((4, 0.03), (6, 0.012), (7, 0.004))
    )
    happened = (
        (np.ones(len(persons), bool), sent), (~bounced, delivered), (opens, opened), (clicks, clicked),
        (replies, opened + 300), (bounced, sent + 30), (leaves, opened + 120),
        (complains, opened + 90),
    )  # fmt: skip
    mask = np.concatenate([which for which, _ in happened])
    status = np.repeat(np.arange(len(STATUSES)), len(persons))
    return np.tile(persons, len(STATUSES))[mask], status[mask], np.concatenate([second for _, second in happened])[mask]
