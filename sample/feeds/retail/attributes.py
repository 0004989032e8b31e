"""Attributes by hashed phone from sister brands (second party) and from a data vendor (third party)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa

from sample.columns import Array
from sample.columns.chance import pick, uniform
from sample.columns.groups import place_within
from sample.columns.strings import choose
from sample.facts import DayFacts
from sample.world import World
from sample.write import Out

VALUES = {
    "car_owner": ("Y", "N"),
    "pet_owner": ("Y", "N"),
    "children": ("0", "1", "2", "3+"),
    "income_band": ("low", "middle", "upper", "high"),
    "home_size": ("<60", "60-90", "90-120", ">120"),
}
SHARES = ((0.4, 0.6), (0.25, 0.75), (0.45, 0.35, 0.17, 0.03), (0.2, 0.45, 0.25, 0.1), (0.2, 0.4, 0.28, 0.12))
TELLS = 0.45
STALE, CONTRADICTS = 0.01, 0.01
TOO_OLD = 760


@dataclass(frozen=True)
class Giver:
    """A deliverer of attributes: file name, share of people it covers, and licence terms."""

    file: str
    share: float
    licence: str
    purpose: str


SECOND = Giver("brand.parquet", 0.15, "group-sharing-2023", "analytics")
THIRD = Giver("vendor.parquet", 0.3, "vendor-licence-88", "ads")


def write_second(world: World, facts: DayFacts, out: Out) -> None:
    """Write the attributes from the sister brands."""
    _write(world, facts, out, SECOND)


def write_third(world: World, facts: DayFacts, out: Out) -> None:
    """Write the attributes that the vendor sells."""
    _write(world, facts, out, THIRD)


def _write(world: World, facts: DayFacts, out: Out, giver: Giver) -> None:
    """Write everybody covered on the first day, then each month the twelfth whose turn it is."""
    if facts.day and facts.date.day != 1:
        return
    every = np.arange(len(world.people))
    quantile = uniform(world.seed, giver.file, every)
    turn = (quantile / giver.share * 12).astype(np.int64)
    persons = every[(quantile < giver.share) & ((turn == facts.date.month - 1) | (facts.day == 0))]
    person, name, mark = _rows(world, facts.day, persons, giver)
    if not len(person):
        return
    place = np.searchsorted(persons, person)
    hashes = pa.array(_hashes(world.people.phone(persons, facts.day))).take(pa.array(place))
    age = (uniform(world.seed, f"{giver.file} age", person, name, facts.day) * 300).astype(np.int64)
    columns = {
        "phone_sha256": hashes,
        "name": choose(tuple(VALUES), name),
        "value": _values(world, person, name, mark == 2),
        "as_of": _dates(facts.date, np.where(mark == 1, TOO_OLD + age, age)),
        "licence": pa.array([giver.licence] * len(person)),
        "purpose": pa.array([giver.purpose] * len(person)),
    }
    out.parquet(giver.file, pa.table(columns))
    first = np.flatnonzero(np.concatenate([[True], person[1:] != person[:-1]]))
    out.records(hashes.take(pa.array(first)), person[first])
    _record_flaws(out, giver.file, hashes, person, name, mark)


def _rows(world: World, day: int, persons: Array, giver: Giver) -> tuple[Array, Array, Array]:
    """Return person, attribute and mark (1 stale, 2 contradicts the row before) of each row."""
    person, name = np.repeat(persons, len(VALUES)), np.tile(np.arange(len(VALUES)), len(persons))
    delivered = uniform(world.seed, f"{giver.file} tells", person, name) < TELLS
    person, name = person[delivered], name[delivered]
    chance = uniform(world.seed, f"{giver.file} flaw", person, name, day)
    twice = np.where(chance > 1 - CONTRADICTS, 2, 1)
    repeat = place_within(twice)
    mark = np.where(repeat == 1, 2, np.where(np.repeat(chance < STALE, twice), 1, 0))
    return np.repeat(person, twice), np.repeat(name, twice), mark


def _values(world: World, person: Array, name: Array, contradicts: Array) -> Any:
    words = [word for values in VALUES.values() for word in values]
    chance = uniform(world.seed, "attribute", person, name)
    sizes = np.array([len(values) for values in VALUES.values()])
    place = np.choose(name, [pick(shares, chance) for shares in SHARES])
    place = np.where(contradicts, (place + 1) % sizes[name], place)
    return choose(words, (np.cumsum(sizes) - sizes)[name] + place)


def _dates(today: date, age: Array) -> Any:
    return pa.array((np.datetime64(today) - age.astype("timedelta64[D]")).astype("datetime64[D]"), pa.date32())


def _hashes(phones: Any) -> list[str]:
    return [hashlib.sha256(b"+86" + phone.encode()).hexdigest() for phone in phones.to_pylist()]


def _record_flaws(out: Out, path: str, hashes: Any, person: Array, name: Array, mark: Array) -> None:
    stale = np.flatnonzero(mark == 1)
    out.flaws(path, stale + 1, hashes.take(pa.array(stale)), "stale", "accepted", "as_of over two years old")
    second = np.flatnonzero(mark == 2)
    rows = np.sort(np.concatenate([second - 1, second]))
    out.flaws(path, rows + 1, hashes.take(pa.array(rows)), "contradiction", "accepted", "two values of one attribute")
