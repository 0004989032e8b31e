"""Programmes with a holdout, who was assigned to each, and what they bought in the days after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from jobs.consent.global_holdout import global_holdout
from jobs.insight.lift.arms import arms, with_ids_of_today
from quanyu.discover import Catalogue
from quanyu.grammar.audience import Audience
from quanyu.group_differences import Group
from quanyu.lake import place_of
from quanyu.lake.union import union_all
from quanyu.model.entities import Customer
from quanyu.model.exports import ALL
from quanyu.model.outcomes import ExportMembers, memberships_of
from quanyu.model.trade import Orders
from quanyu.point_in_time import as_of
from quanyu.run.runner import Context

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

EVERYTHING, EXPORT = "everything", "export"


@dataclass(frozen=True)
class Programme:
    """What customers are assigned to: an audience, a journey or the exports of its members, or all that is sent."""

    kind: str
    name: str
    share: float
    """Declared share of its holdout."""
    audience: str = ""
    since: date = date.min
    """First day of entries that count."""
    exports: tuple[str, ...] = ()
    """Exports by which its members are sent; they count from the first day on which any was."""


def programmes(catalogue: Catalogue) -> list[Programme]:
    """Programmes with a holdout."""
    audiences = {name: audience for name, audience in catalogue.audiences.items() if audience.holdout}
    listed = [Programme("audience", name, audience.holdout, name) for name, audience in audiences.items()]
    listed += [
        Programme("journey", name, audiences[journey.enters].holdout, journey.enters, journey.starts)
        for name, journey in catalogue.journeys.items()
        if journey.enters in audiences
    ]
    listed += [_of_exports(audience) for audience in audiences.values() if audience.send_to]
    share = catalogue.settings.holdout.share
    return [*listed, *([Programme(EVERYTHING, EVERYTHING, share)] if share else [])]


def _of_exports(audience: Audience) -> Programme:
    """The exports of an audience, which share its holdout: of several it cannot tell what each brought."""
    names = tuple(f"{audience.name}.{place}" for place in audience.send_to)
    name = names[0] if len(names) == 1 else f"{audience.name}.{ALL}"
    return Programme(EXPORT, name, audience.holdout, audience.name, exports=names)


def groups(context: Context, listed: Sequence[Programme]) -> dict[tuple[str, str, bool], Group]:
    """Customers of each programme by kind, name and holdout: those whose horizon is over, and what they bought in it.

    Each customer counts once, from the first entry on, treated or not (intent to treat).
    """
    from pyspark.sql import functions as F  # noqa: N812

    if not listed:
        return {}
    assigned = context.lake.staging.materialize(_assigned(context, listed))
    key, horizon = ("kind", "programme", "customer_id"), context.settings.insight.horizon_days
    orders = as_of.facts_of(context, Customer, context.catalogue.tables[Orders.name], None, context.day)
    orders = orders.where(Orders.conditions["purchase"].sql).selectExpr(
        "customer_id", "cast(ordered_at as date) as ordered_on", "cast(amount * 100 as bigint) as cents"
    )
    bought = orders.join(assigned, "customer_id")
    bought = bought.where(f"ordered_on > entered_on and ordered_on <= date_add(entered_on, {horizon})")
    spent = context.lake.staging.materialize(bought.groupBy(*key).agg(F.sum("cents").alias("cents")))
    outcomes = assigned.join(spent, [*key], "left").selectExpr("*", "coalesce(cast(cents as double), 0) as value")
    counted = outcomes.groupBy("kind", "programme", "holdout").agg(
        F.count("*").alias("customers"), F.expr("count_if(cents is not null)").alias("buyers"),
        F.sum("cents").alias("spend"), F.expr("sum(value * value)").alias("squares"),
    )  # fmt: skip
    return {
        (row["kind"], row["programme"], row["holdout"]): Group(
            row["customers"], row["buyers"], (row["spend"] or 0) / 100, float(f"{row['squares'] / 10_000:.12g}")
        )
        for row in counted.collect()
    }


def _assigned(context: Context, listed: Sequence[Programme]) -> DataFrame:
    """First entry of each customer into each programme: kind, programme, customer_id, entered_on, holdout."""
    until = context.day - timedelta(days=context.settings.insight.horizon_days)
    parts = [_entered(context, [one for one in listed if one.audience and not one.exports], until)]
    if begins := _begins(context, [one for one in listed if one.exports]):
        parts.append(_exported(context, begins).where(f"entered_on <= date'{until}'"))
    parts += [_everybody(context, until)] if any(one.kind == EVERYTHING for one in listed) else []
    return union_all(parts)


def _entered(context: Context, listed: Sequence[Programme], until: date) -> DataFrame:
    rows = [(one.kind, one.name, one.audience, max(one.since, date(1, 1, 1))) for one in listed]
    declared = context.lake.spark.createDataFrame(rows, "kind string, programme string, audience string, since date")
    stays = context.lake.table(memberships_of(Customer)).where(f"entered_on <= date'{until}'")
    entries = declared.join(with_ids_of_today(context, stays), "audience").where("entered_on >= since")
    first = entries.groupBy("kind", "programme", "customer_id").agg({"entered_on": "min", "holdout": "max"})
    return first.selectExpr(
        "kind", "programme", "customer_id", "`min(entered_on)` as entered_on", "`max(holdout)` as holdout"
    )


def _begins(context: Context, listed: Sequence[Programme]) -> dict[Programme, date]:
    """First day on which anybody was sent by each of these, for those by which somebody was."""
    from pyarrow import compute as pc

    place = place_of(ExportMembers)
    if not listed or not context.lake.exists(place):
        return {}
    names = [name for one in listed for name in one.exports]
    sent = context.lake.rows(
        place, ["export", "since"], pc.field("export").isin(names) & (pc.field("status") == "sent")
    )
    first = sent.group_by("export").aggregate([("since", "min")]).to_pylist()
    days = {row["export"]: row["since_min"] for row in first}
    return {one: min(days[name] for name in one.exports if name in days) for one in listed if {*days} & {*one.exports}}


def _exported(context: Context, begins: Mapping[Programme, date]) -> DataFrame:
    """Who was a member of the audience when its exports were first sent, or came later."""
    # Purchases of the first day itself do not count: who is sent is known at its end.
    members = arms(context, {one.audience: day + timedelta(days=1) for one, day in begins.items()})
    rows = [(one.kind, one.name, one.audience) for one in begins]
    named = context.lake.spark.createDataFrame(rows, "kind string, programme string, audience string")
    return named.join(members, "audience").selectExpr(
        "kind", "programme", "customer_id", "after as entered_on", "holdout"
    )


def _everybody(context: Context, until: date) -> DataFrame:
    """Customers who were there on a day, as if they had entered then."""
    identities = context.lake.table(context.catalogue.tables["identities"])
    there = identities.where("valid_to is null").groupBy("customer_id").agg({"valid_from": "min"})
    there = there.where(f"`min(valid_from)` <= date'{until}'").select("customer_id")
    marked = there.join(global_holdout(context).selectExpr("customer_id", "true as drawn"), "customer_id", "left")
    return marked.selectExpr(
        f"'{EVERYTHING}' as kind", f"'{EVERYTHING}' as programme", "customer_id", f"date'{until}' as entered_on",
        "drawn is not null as holdout",
    )  # fmt: skip
