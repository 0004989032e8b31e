"""What a seed is good for: how lately its customers bought, how much the same they are, and the lift that it showed."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from math import fsum, isclose
from typing import TYPE_CHECKING, Any

from jobs.audiences.alike import Fit
from quanyu.lake import place_of
from quanyu.model.entities import Customer
from quanyu.model.insight import AudienceProfile
from quanyu.model.outcomes import AudienceDays
from quanyu.model.trade import Orders
from quanyu.point_in_time import as_of
from quanyu.run.runner import Context

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

RECENT_DAYS = 90
MOST_NAMES = 3


@dataclass(frozen=True)
class SeedRecency:
    """Customers of a seed, how many bought ever and lately, and the median of days since; None where nobody bought."""

    customers: int
    buyers: int
    recent: int
    median_days: float | None

    def __str__(self) -> str:
        if self.median_days is None:
            return "none of them ever bought"
        recent, never = self.recent / self.customers, 1 - self.buyers / self.customers
        ago = f"{self.median_days:,.0f} days ago in the median"
        return f"{ago}; {recent:.0%} bought within {RECENT_DAYS} days, {never:.0%} never"


@dataclass(frozen=True)
class Sameness:
    """How many times as often two members of an audience share a value of a name as two of all, as a mean over names.

    Rare values count more: each by one over its share of all, so that it is 1 for customers drawn by chance. `names`
    have the number of each, those by which the members are most the same first.
    """

    times: float
    names: Mapping[str, float]
    day: date

    def __str__(self) -> str:
        by = ", ".join(f"{name} ({times:.1f})" for name, times in [*self.names.items()][:MOST_NAMES])
        return (f"two of them share a value {self.times:.2f} times as often as two of all customers, rare values"
                f" counting more; most by {by} ({self.day})")  # fmt: skip


def recency(context: Context, customers: DataFrame) -> SeedRecency:
    """How lately customers bought, by the facts of the day. `customers` has customer_id, each once."""
    table = context.catalogue.tables[Orders.name]
    orders = as_of.facts_of(context, Customer, table, None, context.day).where(Orders.conditions["purchase"].sql)
    last = orders.groupBy("customer_id").agg({"ordered_at": "max"}).withColumnRenamed("max(ordered_at)", "last_at")
    days = customers.join(last, "customer_id", "left").selectExpr(f"datediff(date'{context.day}', last_at) as days")
    recent = f"count_if(days <= {RECENT_DAYS})"
    [row] = days.selectExpr("count(*)", "count(days)", recent, "cast(median(days) as double)").collect()
    return SeedRecency(*row)


def sameness(context: Context, audience: str) -> Sameness | None:
    """How much the same the members of an audience are, by its last profile; None where it was not described yet.

    Names that follow from its rule say nothing, nor do lists, of which each has several values.
    """
    from pyarrow import compute as pc

    place = place_of(AudienceProfile)
    if not context.lake.exists(place):
        return None
    where = (pc.field("audience") == audience) & ~pc.field("follows_from_rule")
    rows = context.lake.rows(place, ["tag", "members", "share", "base_share", "day"], where).to_pylist()
    bands: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        bands[row["tag"]].append(row)
    times = {name: number for name, of_name in bands.items() if (number := _times_as_often(of_name)) is not None}
    if not times:
        return None
    names = dict(sorted(times.items(), key=lambda one: (-one[1], one[0])))
    return Sameness(fsum(names.values()) / len(names), names, rows[0]["day"])


def _times_as_often(bands: Iterable[Mapping[str, Any]]) -> float | None:
    """Sum over bands of the share of pairs of members in it over its share of all; None for a list, and without pairs.

    Two members are two different ones, so that few members seem no more the same than many.
    """
    filled = [row for row in bands if row["base_share"]]
    members = sum(row["members"] for row in filled)
    if members < 2 or not isclose(fsum(row["base_share"] for row in filled), 1):
        return None
    pairs: float = members * (members - 1)
    return fsum(row["members"] * (row["members"] - 1) / row["base_share"] for row in filled) / pairs


def fits(context: Context) -> dict[str, Fit]:
    """The last fit of each lookalike, as the records of days keep it."""
    from pyarrow import compute as pc

    place = place_of(AudienceDays)
    if not context.lake.exists(place) or "fit" not in context.lake.arrow(place).schema.names:
        return {}
    rows = context.lake.rows(place, ["audience", "day", "fit"], pc.field("fit").is_valid()).sort_by("day")
    return {row["audience"]: Fit(**json.loads(row["fit"])) for row in rows.to_pylist()}


def lifts_of(last_fits: Mapping[str, Fit], audience: str) -> Iterator[str]:
    """What an audience showed as a seed of each lookalike that tried it, and as a lookalike what its seed showed."""
    for name, fit in last_fits.items():
        seed = fit.seed if name == audience else audience
        if lift := fit.lifts.get(seed):
            chosen = "chosen" if fit.seed == seed else "not chosen"
            whose = f"by its seed {seed}" if name == audience else f"for {name}, {chosen}"
            yield f"{lift['lift']:.2f} [{lift['low']:.2f}, {lift['high']:.2f}] {whose}, on {fit.day}"
