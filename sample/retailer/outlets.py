"""The dealers' outlets: true sales of each, and when one diverts goods, falls behind or runs out of stock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from sample.columns.chance import pick, rng, scatter, uniform
from sample.columns.strings import choose, digits, join
from sample.retailer.words import CITIES
from sample.trade.calendar import MONTHS

if TYPE_CHECKING:
    from sample.facts import DayFacts
    from sample.world import World
    from sample.write import Truth

Ints = np.ndarray[Any, np.dtype[Any]]
KINDS = ("supermarket", "convenience", "mother_baby", "specialty")
# Units a week of a usual outlet of each kind.
LEVELS = np.array([46.0, 14.0, 26.0, 34.0])
ABNORMAL = ("diversion", "too_bad", "out_of_stock")
DIVERSION, TOO_BAD, OUT_OF_STOCK = range(3)
DECLINING, SLEEPING, OVERSTOCKED = range(3)
# What an abnormal outlet orders, as a multiple of what it sells.
SELL_IN = (4.0, 0.2, 0.0)
# Abnormal outlets are drawn for each span of this many days; a case lies completely within its span.
SPAN, SHORTEST, LONGEST = 120, 35, 63
# An outlet must have been open this long before it can be abnormal.
SETTLED = 28
CARRIED, CARRIED_DAYS = 9, 90
# What becomes of some outlets for good, from a day on: of this share of all, each. DECLINE days halve a declining
# one's orders and sales; a sleeping one orders no more; an overstocked one orders on and sells a quarter.
FATES, SHARE, DECLINE, SLOW = ("declining", "sleeping", "overstocked"), 0.05, 60, 0.25
FROM, WITHIN = 30, 150
# Outlets that are abnormal in a span before this one have no such fate.
SPANS = 6
# Share of mall orders that are placed with the code of an outlet.
AT_OUTLET = 0.1


@dataclass(frozen=True)
class OutletPopulation:
    """One row per outlet; `level` in units a week, `opened` in days from the start, `weekday` of its orders.

    `fate` is an index into FATES (-1: none) that begins on day `turns`.
    """

    seed: int
    kind: Ints
    city: Ints
    dealer: Ints
    rep: Ints
    opened: Ints
    level: Ints
    weekday: Ints
    fate: Ints
    turns: Ints

    def __len__(self) -> int:
        return len(self.kind)

    def open(self, day: int) -> Ints:
        """Return the indices (int64) of the outlets that are open on a day."""
        return np.flatnonzero(self.opened <= day)

    def abnormal(self, day: int) -> Ints:
        """Return int64 (outlets,): the problem on a day, as an index into ABNORMAL; -1 for none."""
        wrong = np.full(len(self), -1)
        for outlet, kind, first, last in cases(self, day // SPAN):
            if first <= day <= last:
                wrong[outlet] = kind
        return wrong

    def fated(self, day: int) -> Ints:
        """Return int64 (outlets,): the fate that has begun by a day, as an index into FATES; -1 for none."""
        return np.where(self.turns <= day, self.fate, -1)

    def kept(self, day: int, fates: tuple[float, float, float]) -> Ints:
        """Return float64 (outlets,): the share of orders or scans that is left on a day, by fate.

        `fates` are the shares of the fates; that of a declining outlet halves every DECLINE days.
        """
        fate = self.fated(day)
        share = np.append(np.array(fates), 1.0)[fate]
        return np.asarray(np.where(fate == DECLINING, 0.5 ** ((day - self.turns) / DECLINE), share))

    def sales(self, day: int, start: date) -> Ints:
        """Return float64 (outlets,): the units truly sold in the week around a day."""
        month = MONTHS[(start + timedelta(days=day)).month - 1]
        drift = 0.85 + 0.3 * uniform(self.seed, "outlet mood", np.arange(len(self)), day // 28)
        return np.asarray(self.level * month * drift)

    def carried(self, day: int, sold: Ints) -> Ints:
        """Return int64 (outlets, CARRIED): the SKU indices on each outlet's shelves, drawn from `sold`."""
        season = day // CARRIED_DAYS
        shuffled = sold[np.argsort(scatter(self.seed, "outlet goods", sold, season), kind="stable")]
        first = scatter(self.seed, "outlet shelf", np.arange(len(self)), season) % np.uint64(len(sold))
        return np.asarray(shuffled[(first.astype(np.int64)[:, None] + np.arange(CARRIED)) % len(sold)])


def draw_outlets(customers: int, seed: int) -> OutletPopulation:
    """Return the outlets, one per hundred customers, from 30 to 3,000; nine in ten are open from the start."""
    many = int(np.clip(customers / 100, 30, 3000))
    place = np.arange(many)
    kind = pick((0.3, 0.35, 0.15, 0.2), uniform(seed, "outlet kind", place))
    city = np.minimum((len(CITIES) * uniform(seed, "outlet city", place) ** 1.3).astype(np.int64), len(CITIES) - 1)
    spread = np.exp(0.45 * rng(seed, "outlet level").standard_normal(3000)[:many])
    late = uniform(seed, "outlet late", place)
    opened = np.where(late < 0.1, 6000 * late, -30 - 2500 * uniform(seed, "outlet opened", place)).astype(np.int64)
    return OutletPopulation(
        seed=seed,
        kind=kind,
        city=city,
        dealer=city * 3 + (scatter(seed, "dealer", place) % np.uint64(3)).astype(np.int64),
        rep=city * 4 + (scatter(seed, "rep", place) % np.uint64(4)).astype(np.int64),
        opened=opened,
        level=LEVELS[kind] * spread,
        fate=_fates(seed, many, late),
        turns=FROM + (scatter(seed, "outlet turns", place) % np.uint64(WITHIN)).astype(np.int64),
        weekday=(scatter(seed, "outlet weekday", place) % np.uint64(5)).astype(np.int64),
    )


def _fates(seed: int, many: int, late: Ints) -> Ints:
    """Return int64 (outlets,): the index into FATES, -1 for none; only of outlets that are otherwise usual."""
    abnormal = {case[0] for span in range(SPANS) for case in _cases(seed, many, span)}
    usual = np.setdiff1d(np.flatnonzero(late >= 0.1), list(abnormal))
    chosen = usual[np.argsort(scatter(seed, "outlet fate", usual))][: len(FATES) * max(1, round(many * SHARE))]
    fate = np.full(many, -1)
    fate[chosen] = np.arange(len(chosen)) % len(FATES)
    return fate


def cases(outlets: OutletPopulation, span: int) -> list[tuple[int, int, int, int]]:
    """Return the abnormal outlets of a span: outlet, kind, first and last day; each outlet at most once."""
    drawn = _cases(outlets.seed, len(outlets), span)
    return [case for case in drawn if outlets.opened[case[0]] <= case[2] - SETTLED]


@lru_cache(maxsize=64)
def _cases(seed: int, many: int, span: int) -> list[tuple[int, int, int, int]]:
    draw = rng(seed, "abnormal outlets", span)
    each = max(1, round(many * 0.02))
    chosen = draw.permutation(many)[: 3 * each]
    lengths = draw.integers(SHORTEST, LONGEST + 1, 3 * each)
    firsts = span * SPAN + draw.integers(7, SPAN - LONGEST, 3 * each)
    rows = zip(chosen, np.arange(3 * each) % 3, firsts, firsts + lengths - 1, strict=True)
    return [(int(outlet), int(kind), int(first), int(last)) for outlet, kind, first, last in rows]


def outlets(world: World) -> OutletPopulation:
    """Return the world's outlets, drawn at the first call."""
    if "outlets" not in world.extras:
        world.extras["outlets"] = draw_outlets(len(world.people), world.seed)
    drawn: OutletPopulation = world.extras["outlets"]
    return drawn


def watch(world: World, facts: DayFacts) -> None:
    """Record in the truth which outlets were abnormal so far, and when (a step)."""
    drawn, day = outlets(world), facts.day
    abnormal = [case for span in range(day // SPAN + 1) for case in cases(drawn, span) if case[2] <= day]
    if day and all(case[2] < day for case in abnormal):
        return
    columns = list(zip(*abnormal, strict=True)) if abnormal else [()] * 4
    table = {"outlet": outlet_no(np.array(columns[0], dtype=np.int64)), "kind": [ABNORMAL[kind] for kind in columns[1]]}
    table |= {name: [str(world.date(on)) for on in columns[place]] for name, place in (("from_on", 2), ("to_on", 3))}
    world.truth_tables["outlets.csv"] = pa.table(
        {name: pa.array(column, pa.string()) for name, column in table.items()}
    )


def write_outlet_states(world: World, truth: Truth) -> None:
    """Write the state of each open outlet after the last simulated day: healthy, new, a fate, or abnormal."""
    drawn, day = outlets(world), world.day
    places = drawn.open(day)
    wrong, fate = drawn.abnormal(day)[places], drawn.fated(day)[places]
    names = ("healthy", "new", *FATES, *ABNORMAL)
    state = np.where(drawn.opened[places] > day - SETTLED, 1, 0)
    state = np.where(fate >= 0, 2 + fate, state)
    state = np.where(wrong >= 0, 2 + len(FATES) + wrong, state)
    columns = {"outlet": outlet_no(places), "state": choose(names, state)}
    truth.write(f"outlet_states/{world.date(day)}.parquet", pa.table(columns))


def outlet_of_orders(world: World, day: int, numbers: Ints, person: Ints) -> Ints:
    """Return int64 (orders,): the outlet whose code a mall order was placed with; -1 for none.

    A tenth of the orders are; the outlet is in the buyer's city.
    """
    drawn = outlets(world)
    open_ = drawn.open(day)
    order = open_[np.argsort(drawn.city[open_], kind="stable")]
    ends = np.searchsorted(drawn.city[order], np.arange(len(CITIES) + 1))
    city = world.people.city[person]
    near = ends[city + 1] - ends[city]
    turn = scatter(world.seed, "order's outlet", numbers, day).astype(np.int64) % np.maximum(near, 1)
    chosen = order[np.minimum(ends[city] + np.abs(turn), len(order) - 1)]
    placed = uniform(world.seed, "order at outlet", numbers, day) < AT_OUTLET
    return np.asarray(np.where(placed & (near > 0), chosen, -1))


def outlet_no(places: Ints) -> Any:
    """Return outlet numbers such as `D00001`."""
    return join("D", digits(places + 1, 5))
