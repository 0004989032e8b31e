"""Door-sensor counts by hour, sex and age, including the hours in which a sensor failed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from sample.columns import Array
from sample.columns.chance import pick, uniform
from sample.columns.strings import choose, digits, join, same
from sample.facts import DayFacts
from sample.trade import calendar
from sample.world import World
from sample.write import Out

SEXES, AGES = ("female", "male", "unknown"), ("0-17", "18-24", "25-34", "35-44", "45-59", "60+")
SEX_SHARES, AGE_SHARES = (0.6, 0.32, 0.08), (0.05, 0.16, 0.33, 0.25, 0.15, 0.06)
# Visitors per buyer, and visitors on a day without a sale.
ENTRIES, LEAST = 5.5, 6
GAP, STUCK, FAILS_FOR = 1 / 70, 1 / 110, 3
STUCK_AT = 9999


def write(world: World, facts: DayFacts, out: Out) -> None:
    """Write one row per sensor, hour, sex and age band with at least one entry."""
    store, hour, sex, age = _entries(world, facts)
    cell, entries = np.unique(((store * 24 + hour) * 3 + sex) * 6 + age, return_counts=True)
    store, hour, sex, age = cell // 432, cell // 18 % 24, cell // 6 % 3, cell % 6
    silent, stuck = (
        _fails(world, facts.day, store, hour, "gap", GAP),
        _fails(world, facts.day, store, hour, "stuck", STUCK),
    )
    working = ~silent
    _record_gaps(out, world, store[silent])
    store, hour, sex, age, entries, stuck = (column[working] for column in (store, hour, sex, age, entries, stuck))
    if not len(store):
        return
    dwell = world.rng("dwell", facts.day).gamma(2.0, 240, len(store)).astype(np.int64) + 20
    sensor = _sensor(world, store)
    columns = {
        "sensor_id": sensor,
        "store_no": choose(world.stores.no, store),
        "hour": join(same(str(facts.date), len(store)), " ", digits(hour, 2), ":00:00"),
        "sex": choose(SEXES, sex),
        "age_band": choose(AGES, age),
        "entries": pa.array(np.where(stuck, STUCK_AT, entries)),
        "dwell_seconds": pa.array(dwell),
    }
    out.csv("sensors.csv", pa.table(columns))
    rows = np.flatnonzero(stuck)
    out.flaws("sensors.csv", rows + 1, sensor.take(pa.array(rows)), "stuck counter", "quarantined", "entries over 2000")


def _entries(world: World, facts: DayFacts) -> tuple[Array, Array, Array, Array]:
    """Return store, hour, sex and age of each visitor."""
    baskets, draw = facts.baskets, world.rng("entries", facts.day)
    receipts = np.bincount(baskets.store[baskets.channel == 0], minlength=len(world.stores))
    store = np.repeat(np.arange(len(world.stores)), draw.poisson(receipts * ENTRIES + LEAST))
    hour = pick(calendar.hours(0, facts.date), draw.random(len(store)))
    return store, hour, pick(SEX_SHARES, draw.random(len(store))), pick(AGE_SHARES, draw.random(len(store)))


def _fails(world: World, day: int, store: Array, hour: Array, purpose: str, share: float) -> Array:
    """Return a mask of the rows in a store's failing hours; only some days have any."""
    chance = uniform(world.seed, f"sensor {purpose}", np.arange(len(world.stores)), day)
    first = 11 + (chance / share * 8).astype(np.int64)
    mine = first[store]
    return np.asarray((chance[store] < share) & (hour >= mine) & (hour < mine + FAILS_FOR))


def _record_gaps(out: Out, world: World, stores: Array) -> None:
    silent = np.unique(stores)
    out.flaws(
        "sensors.csv", np.zeros(len(silent)), _sensor(world, silent), "gap", "accepted", "sensor silent for hours"
    )


def _sensor(world: World, store: Array) -> Any:
    return join("CAM-", choose(world.stores.no, store), "-1")
