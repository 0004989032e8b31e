"""Campaigns: one every thirty days, randomised into arms, with a true effect on each person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from sample.columns import Array
from sample.columns.chance import uniform
from sample.columns.strings import digits, join
from sample.events.contacts import is_contact
from sample.trade.lives import DRIFT, FIRST, FOUND, GONE, HABIT, RETURNED, STATES, buy_probability

if TYPE_CHECKING:
    from sample.facts import DayFacts
    from sample.world import World

# Sent on days 20, 50, 80 ... and announced some days before; effective on days 1 to WINDOW after the send.
FIRST_SEND, EVERY, NOTICE, WINDOW = 20, 30, 3, 14
MOST_ASKED = 120_000
# Share of a campaign's persons who are treated.
TREATED = 0.5
# The third campaign (number 2) has the same effect on everybody: this much.
ALIKE, ALIKE_UPLIFT = 2, 0.05
STATE_WEIGHT = np.zeros(len(STATES))
STATE_WEIGHT[[FOUND, FIRST, HABIT, DRIFT, GONE, RETURNED]] = 0.8, 1.2, 0.4, 1.8, 0.5, 1.0


@dataclass(frozen=True)
class CampaignPlan:
    """A campaign's plan; the last two fields say how much price sensitivity and impulsiveness count for its effect."""

    name: str
    channel: str
    purpose: str
    goal: str
    price: float
    impulse: float


PLANS = (
    CampaignPlan("会员券包", "sms", "促活", "14天内下单", 0.9, 0.1),
    CampaignPlan("新品抢先看", "wecom", "上新", "14天内下单", 0.1, 0.9),
    CampaignPlan("会员日提醒", "sms", "会员日", "14天内下单", 0.4, 0.3),
    CampaignPlan("老友回店礼", "sms", "召回", "沉睡会员下单", 0.7, 0.3),
    CampaignPlan("家居焕新季", "email", "品类", "家居家纺下单", 0.5, 0.5),
    CampaignPlan("导购专属推荐", "wecom", "促活", "14天内下单", 0.3, 0.8),
)


@dataclass(frozen=True)
class Wave:
    """A campaign that was sent: `number` from 0, the `day` of the send, its persons with their arm and uplift.

    `factor` multiplies the hazard of every person on the days after the send.
    """

    number: int
    day: int
    persons: Array
    treated: Array
    uplift: Array
    factor: Array


def campaign_id(number: int) -> str:
    """Return the campaign's id in the feeds."""
    return f"C{number + 1:04d}"


def campaign_ids(numbers: Array) -> Any:
    """Return the same as a column, for numbers of 0 or more; others have no meaning."""
    return join("C", digits(np.maximum(numbers, 0) + 1, 4))


def sent_on(day: int) -> int | None:
    """Return the number of the campaign that is sent on a day."""
    number, rest = divmod(day - FIRST_SEND, EVERY)
    return number if number >= 0 and rest == 0 else None


def waves(world: World) -> list[Wave]:
    """Return the campaigns sent so far, the latest last; only the latest still has its factors."""
    sent: list[Wave] = world.extras.setdefault("campaigns", [])
    return sent


def effect(world: World, day: int) -> Array | None:
    """Return float32 (persons,): the factor on the purchase hazard on a day; None when nobody is treated."""
    last = waves(world)[-1:]
    return last[0].factor if last and last[0].day < day <= last[0].day + WINDOW else None


def opens(world: World, wave: Wave, persons: Array) -> Array:
    """Return a mask of the persons who open the message of a campaign if it is sent to them."""
    reach = world.people.reach[persons]
    bounced = uniform(world.seed, "send bounced", persons, wave.number) < 0.01 + 0.1 * (1 - reach)
    return np.asarray(~bounced & (uniform(world.seed, "opens", persons, wave.number) < 0.1 + 0.6 * reach))


def credited(world: World, day: int, persons: Array) -> Array:
    """Return int64 (persons,): the number of the campaign that is credited with a purchase on a day; -1: none.

    It was sent to the person within WINDOW days before, and opened.
    """
    number = np.full(len(persons), -1)
    for wave in waves(world):
        if wave.day < day <= wave.day + WINDOW:
            treated = np.isin(persons, wave.persons[wave.treated]) & (persons >= 0)
            number[treated & opens(world, wave, np.maximum(persons, 0))] = wave.number
    return number


def uplifts(world: World) -> pa.Table:
    """Return the true uplift of every person of every campaign sent so far, treated or not."""
    people = [world.people.person(wave.persons) for wave in waves(world)]
    names = [pa.array([campaign_id(wave.number)] * len(wave.persons)) for wave in waves(world)]
    values = [pa.array(wave.uplift.astype(np.float64)) for wave in waves(world)]
    kinds = (pa.string(), pa.string(), pa.float64())
    columns = [pa.chunked_array(parts, kind) for parts, kind in zip((names, people, values), kinds, strict=True)]
    return pa.table(columns, names=["campaign", "person", "uplift"])


def send(world: World, facts: DayFacts) -> None:
    """On the day of a send, draw audience and arms, and set the campaign's effect from the next day on (a step)."""
    number = sent_on(facts.day)
    if number is None:
        return
    persons = _audience(world, facts.day, number)
    treated = uniform(world.seed, "arm", persons, number) < TREATED
    before = np.asarray(buy_probability(world, facts.day + 1, WINDOW, persons))
    moved = (
        _equal_factors(world, facts.day, persons, before)
        if number == ALIKE
        else _treated_factors(world, persons, number)
    )
    after = np.asarray(buy_probability(world, facts.day + 1, WINDOW, persons, moved))
    factor = np.ones(len(world.people), np.float32)
    factor[persons[treated]] = moved[treated]
    past = waves(world)
    past[:] = [Wave(w.number, w.day, w.persons, w.treated, w.uplift, np.zeros(0)) for w in past]
    past.append(Wave(number, facts.day, persons, treated, (after - before).astype(np.float32), factor))


def _audience(world: World, day: int, number: int) -> Array:
    members = np.flatnonzero(world.joined <= day)
    channel = PLANS[number % len(PLANS)].channel
    if channel == "wecom":
        members = members[is_contact(world, members, day)]
    elif channel == "email":
        members = members[uniform(world.seed, "has email", members) < 0.62]
    share = min(1.0, MOST_ASKED / len(world.people))
    return np.asarray(members[uniform(world.seed, "asked", members, number) < share])


def _treated_factors(world: World, persons: Array, number: int) -> Array:
    """Return each person's factor if treated: higher for the price-sensitive, the impulsive and the drifting.

    A factor below 1 keeps a person whom the campaign bores from buying.
    """
    people, plan = world.people, PLANS[number % len(PLANS)]
    price = np.minimum(people.elasticity[persons], 2.5) - 0.5
    impulse = people.impulse[persons] * 3 - 0.6
    drawn = (plan.price * price + plan.impulse * impulse) * STATE_WEIGHT[world.state[persons]]
    return np.asarray(np.clip(1 + 2.4 * people.reach[persons] * drawn, 0.7, 6), dtype=np.float32)


def _equal_factors(world: World, day: int, persons: Array, before: Array) -> Array:
    """Return the factors that raise everybody's purchase probability in the window equally; found by bisection."""
    low, high = np.zeros(len(persons)), np.full(len(persons), 14.0)
    for _ in range(18):
        middle = (low + high) / 2
        reached = buy_probability(world, day + 1, WINDOW, persons, np.exp(middle).astype(np.float32))
        short = reached - before < ALIKE_UPLIFT
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    return np.asarray(np.exp((low + high) / 2), dtype=np.float32)
