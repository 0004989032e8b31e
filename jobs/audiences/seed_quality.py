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
    """How probably two members of an audience have one value of a name, and two of all, as a mean over the names.

    `names` are those by which the members are more the same than all, the most so first.
    """

    members: float
    everybody: float
    names: tuple[str, ...]
    day: date

    def __str__(self) -> str:
        by = f", most by {', '.join(self.names[:MOST_NAMES])}" if self.names else ""
        return (f"two of the audience share a value with {self.members:.0%}, two of all customers with"
                f" {self.everybody:.0%}{by} ({self.day})")  # fmt: skip


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

    Names that follow from its rule say nothing, nor does one of which everybody has one value, or several.
    """
    from pyarrow import compute as pc

    place = place_of(AudienceProfile)
    if not context.lake.exists(place):
        return None
    where = (pc.field("audience") == audience) & ~pc.field("follows_from_rule")
    rows = context.lake.rows(place, ["tag", "share", "base_share", "day"], where).to_pylist()
    return _sameness(rows)


def _sameness(rows: Iterable[Mapping[str, Any]]) -> Sameness | None:
    shares: dict[str, list[tuple[float, float]]] = defaultdict(list)
    days = set()
    for row in rows:
        shares[row["tag"]].append((row["share"], row["base_share"]))
        days.add(row["day"])
    pairs = {name: pair for name, both in shares.items() if (pair := _two_alike(both))}
    if not pairs:
        return None
    members, everybody = (fsum(pair[n] for pair in pairs.values()) / len(pairs) for n in (0, 1))
    by_surplus = sorted(pairs, key=lambda name: (pairs[name][1] - pairs[name][0], name))
    names = tuple(name for name in by_surplus if pairs[name][0] > pairs[name][1])
    return Sameness(members, everybody, names, max(days))


def _two_alike(shares: list[tuple[float, float]]) -> tuple[float, float] | None:
    """Chance that two members are in one band of a name, and two of all; None for a list, and for a single value."""
    members, everybody = zip(*shares, strict=True)
    if not isclose(fsum(members), 1) or not isclose(fsum(everybody), 1) or max(everybody) >= 1:
        return None
    return fsum(share * share for share in members), fsum(share * share for share in everybody)


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
