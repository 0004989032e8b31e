"""The member system: each day the members who are new or changed, as typed parquet."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sample.columns import Array
from sample.columns.chance import pick, scatter, uniform
from sample.columns.strings import choose, join, when
from sample.facts import DayFacts
from sample.retailer.places import NEVER
from sample.world import World
from sample.write import Out

TIERS = ("普卡", "银卡", "金卡", "黑卡")
# Yuan spent from which a tier applies.
TIER_FROM = (3_000, 8_000, 20_000)
DUMMY_BIRTHDAY, NO_BIRTHDAY, NO_GENDER, GARBAGE = 0.02, 0.15, 0.1, 0.008
# Plain, spaced, with +86, full width.
PHONE_STYLES = (0.82, 0.08, 0.06, 0.04)
FULL_WIDTH = "０１２３４５６７８９"
FLAWS = (
    ("shared phone", "accepted", "a family shares one phone"),
    ("dummy birthday", "repaired", "1900-01-01 stands for unknown"),
    ("merged member", "accepted", "the second card was merged into the first"),
    ("phone", "accepted", "the phone is no number"),
)


def write(world: World, facts: DayFacts, out: Out) -> None:
    """Write the changed rows; a second card has its own rows until it is merged."""
    people = world.people
    person, second, merged = _changed_members(world, facts.day)
    if not len(person):
        return
    table, flaws = _members(world, facts, person, second, merged)
    out.parquet("members.parquet", table)
    numbers = table["member_no"].combine_chunks()
    opened = world.joined[person] + np.where(second, people.second_card[person], 0)
    new = np.flatnonzero((opened == facts.day) | (facts.day == 0))
    out.records(numbers.take(pa.array(new)), person[new])
    for mask, text in zip(flaws, FLAWS, strict=True):
        rows = np.flatnonzero(mask)
        out.flaws("members.parquet", rows + 1, numbers.take(pa.array(rows)), *text)


def _changed_members(world: World, day: int) -> tuple[Array, Array, Array]:
    """Return persons, whether the row is their second card's, and whether that card is merged from today on."""
    people, joined = world.people, world.joined.astype(np.int64)
    index = np.arange(len(people))
    member = joined <= day
    opened, merges = joined + people.second_card, joined + people.merged
    monthly = scatter(world.seed, "news", index) % np.uint64(28) + np.uint64(1) == world.date(day).day
    changed = (monthly & (world.last > day - 31)) | (people.new_phone == day) | (joined == day)
    first = np.flatnonzero(member & (changed | ((joined < 0) & (day == 0))))
    card = (people.second_card < NEVER) & member & (opened <= day)
    merged = np.flatnonzero(card & ((merges == day) | ((merges < 0) & (day == 0))))
    unmerged = card & (merges > day)
    second = np.flatnonzero(unmerged & ((opened == day) | (people.new_phone == day) | (day == 0)))
    kinds = [np.repeat(flags, (len(first), len(second), len(merged))) for flags in ((0, 1, 1), (0, 0, 1))]
    return np.concatenate([first, second, merged]), kinds[0] == 1, kinds[1] == 1


def _members(
    world: World, facts: DayFacts, person: Array, second: Array, merged: Array
) -> tuple[pa.Table, tuple[Array, ...]]:
    people, day, seed = world.people, facts.day, world.seed
    birth, dummy = _birthdays(world, person)
    garbage = uniform(seed, "garbage phone", person) < GARBAGE
    joined = world.joined[person].astype(np.int64) + np.where(second, people.second_card[person], 0)
    guide = world.staff.guide(people.store[person].astype(int), people.slot[person].astype(int), day)
    points = np.where(second, 0, np.maximum(world.spent[person] // 100, 0))
    gender = np.where(uniform(seed, "gender", person) < NO_GENDER, -1, people.sex[person])
    epoch = (world.start - date(1970, 1, 1)).days
    seconds = 32_400 + (scatter(seed, "news at", person, day) % np.uint64(43_000)).astype(np.int64)
    columns = {
        "member_no": people.member_no(person, second), "name": people.name(person),
        "phone": when(garbage, "不详", styled(people.member_phone(person, day), uniform(seed, "phone style", person))),
        "email": people.email(person), "gender": choose(("女", "男"), gender), "birthday": birth,
        "city": people.city_name(person), "tier": choose(TIERS, np.searchsorted(TIER_FROM, points, side="right")),
        "points": pa.array(points.astype(np.int64)), "joined_on": _date32(joined + epoch),
        "guide": choose(world.staff.no, guide), "store_no": choose(world.stores.no, people.store[person].astype(int)),
        "unionid": when(people.app[person], people.unionid(person), None),
        "merged_into": when(merged, people.member_no(person), None),
        "updated_at": pa.array(((day + epoch) * 86_400 + seconds) * 1_000_000).cast(pa.timestamp("us")),
    }  # fmt: skip
    shared = (people.household[person] >= 0) & ~garbage
    return pa.table(columns), (shared, dummy, merged, garbage)


def _birthdays(world: World, person: Array) -> tuple[Any, Array]:
    chance = uniform(world.seed, "birthday", person)
    dummy, none = chance < DUMMY_BIRTHDAY, chance > 1 - NO_BIRTHDAY
    days = np.where(dummy, (date(1900, 1, 1) - date(1970, 1, 1)).days, world.people.birth[person])
    return _date32(days, none), dummy


def _date32(days: Array, none: Array | None = None) -> Any:
    return pa.array(days.astype(np.int32), mask=none).cast(pa.date32())


def styled(phone: Any, chances: Array) -> Any:
    """Return phones as people write them: plain, spaced, with +86, or in full width."""
    style = pick(PHONE_STYLES, chances)
    parts = [pc.utf8_slice_codeunits(phone, *bounds) for bounds in ((0, 3), (3, 7), (7, 11))]
    wide = phone
    for digit, letter in enumerate(FULL_WIDTH):
        wide = pc.replace_substring(wide, str(digit), letter)
    spaced = join(*parts, between=" ")
    return when(style == 1, spaced, when(style == 2, join("+86", phone), when(style == 3, wide, phone)))
