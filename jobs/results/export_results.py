"""What ads to each audience brought: claimed by platforms, and beyond the holdout."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import date
from decimal import Decimal
from typing import Any

from jobs.exports.members import PLACE as EXPORT_MEMBERS
from jobs.results.ad_totals import AdTotal, counts, export_of, of_audiences, totals
from jobs.results.facts import ReturnFacts
from jobs.results.outcomes import OF_MEMBERS, Outcomes, Place, of_exports, of_members
from quanyu.discover import Catalogue
from quanyu.grammar.declaration import digest
from quanyu.group_differences import LiftEstimate, of_spend, split_p_value, verdict
from quanyu.lake import place_of
from quanyu.lake.receipt import Receipt
from quanyu.model.entities import Customer
from quanyu.model.exports import ALL, AudienceCounts, AudienceStatus, ExportResults
from quanyu.model.outcomes import memberships_of
from quanyu.model.touch import AdResults
from quanyu.model.trade import Orders
from quanyu.plurals import number_of
from quanyu.point_in_time import as_of
from quanyu.run.runner import Context, Outcome, Step

READS = (
    place_of(AdResults), place_of(AudienceCounts), place_of(Orders), place_of(memberships_of(Customer)),
    place_of(AudienceStatus), EXPORT_MEMBERS, as_of.IDENTITIES,
)  # fmt: skip
ByPlace = Mapping[tuple[Place, bool], Outcomes]


def step(catalogue: Catalogue) -> Step:
    """The step that compares what audiences cost and brought."""
    declared = [audience.digest() for audience in catalogue.audiences.values()]
    accounts = [account.digest() for account in catalogue.platforms.values()]
    return Step(
        "export_results", "returns", READS, (place_of(ExportResults),),
        digest([ExportResults.definition(), declared, accounts, catalogue.settings.currency]), write,
        "What ads to each audience cost and brought, claimed by platforms and beyond the holdout.", as_of=True,
    )  # fmt: skip


def write(context: Context, receipt: Receipt) -> Outcome:
    """Write the rows of the day in place of what an earlier run of the day gave."""
    table = context.catalogue.tables[ExportResults.name]
    accounts = totals(context)
    rows = list(_rows(context, accounts))
    schema = ", ".join(f"{name} {column.type}" for name, column in table.columns.items())
    frame = context.lake.spark.createDataFrame([tuple(row.get(name) for name in table.columns) for row in rows], schema)
    written = context.lake.sync(table, frame, receipt, part=f"day = date'{context.day}'")
    compared = sum(row.get("incremental_orders") is not None for row in rows if row["account"] == ALL)
    audiences = len({total.audience for total in accounts})
    note = f"{number_of(audiences, 'audience')} with ads, {compared} compared with a holdout"
    return Outcome(len(rows), written.changed, unchanged=written.unchanged, notes=(note,),
                   facts=ReturnFacts(audiences, compared))  # fmt: skip


def _rows(context: Context, accounts: list[AdTotal]) -> Iterator[dict[str, Any]]:
    """A row for each account of an audience, and one for the audience as a whole."""
    ours = [total for total in accounts if total.audience in context.catalogue.audiences]
    begins: dict[str, date] = {}
    for total in ours:
        begins[total.audience] = min(total.since, begins.get(total.audience, total.since))
    exports = [
        (export, total.audience, place, total.since if place != ALL else begins[total.audience])
        for total in ours
        if (export := export_of(context.catalogue, total))
        for place in (export, ALL)
    ]
    by_place: dict[tuple[Place, bool], Outcomes] = of_members(context, begins) if begins else {}
    by_place |= of_exports(context, sorted(set(exports))) if exports else {}
    last_counts = counts(context)
    currencies, on_accounts = defaultdict(set), defaultdict(set)
    for total in accounts:
        currencies[total.audience].add(total.currency)
        on_accounts[total.audience].add((total.platform, total.account))
    for total in (*accounts, *of_audiences(accounts)):
        export = export_of(context.catalogue, total) if total.account != ALL else None
        lacks = _lacks(context, total, by_place, currencies[total.audience])
        if not lacks and total.account != ALL and len(on_accounts[total.audience]) > 1:
            lacks = "the holdout tells of all accounts of the audience together: see its row of all"
        matched = last_counts.get((total.audience, total.platform, total.account), (None, None))
        audience = context.catalogue.audiences.get(total.audience)
        yield {
            **asdict(total), "day": context.day, "export": export, "matched": matched[0], "usable": matched[1],
            "rule_hash": audience.digest() if audience else None,
            **_of_sent(by_place.get(((total.audience, ALL if total.account == ALL else export or ""), False))),
            **_claimed(total), **_of_arms(by_place, total.audience), **_compared(total, by_place, lacks),
        }  # fmt: skip


def _lacks(context: Context, total: AdTotal, by_place: ByPlace, currencies: set[str]) -> str:
    """Why the results of an audience cannot be compared with a holdout; empty if they can."""
    members, holdout = (by_place.get(((total.audience, OF_MEMBERS), held)) for held in (False, True))
    own = context.settings.currency
    if total.audience not in context.catalogue.audiences:
        return "no audience of ours has this name"
    if currencies != {own}:
        return f"amounts are in {' and '.join(sorted(currencies))}, own orders in {own}"
    if members is None:
        return "the audience has had no members since its ads began"
    if holdout is None:
        return "the audience has no holdout"
    split = split_p_value(members.customers, holdout.customers, context.catalogue.audiences[total.audience].holdout)
    both_have_some = min(members.customers, holdout.customers) > 1
    difference = of_spend(members.orders, holdout.orders) if both_have_some else None
    shows = verdict(members.orders, holdout.orders, difference, split)
    if shows == "not yet measurable":
        groups = f"{members.customers:,} members, {number_of(holdout.customers, 'customer')} of the holdout"
        return f"not yet measurable with {groups} and {members.orders.buyers + holdout.orders.buyers:,} who bought"
    return "the split is wrong: the holdout has not its declared share" if shows == "split is wrong" else ""


def _claimed(total: AdTotal) -> dict[str, Any]:
    return {
        "cost_per_conversion": total.cost / total.conversions if total.conversions else None,
        "claimed_return": total.revenue / total.cost if total.cost else None,
    }


def _of_sent(sent: Outcomes | None) -> dict[str, Any]:
    if sent is None:
        return {}
    return {"exported": sent.customers, "exported_orders": int(sent.orders.spend),
            "exported_revenue": sent.spent}  # fmt: skip


def _of_arms(by_place: ByPlace, audience: str) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    for held, customers, prefix in ((False, "members", "member"), (True, "holdout", "holdout")):
        if arm := by_place.get(((audience, OF_MEMBERS), held)):
            columns |= {customers: arm.customers, f"{prefix}_orders": int(arm.orders.spend),
                        f"{prefix}_revenue": arm.spent}  # fmt: skip
    return columns


def _compared(total: AdTotal, by_place: ByPlace, lacks: str) -> dict[str, Any]:
    """Columns of the comparison with the holdout, and what they show in words."""
    members, holdout = (by_place.get(((total.audience, OF_MEMBERS), held)) for held in (False, True))
    if lacks or members is None or holdout is None:
        return {"says": f"claimed only: {lacks}"}
    orders = _of_all(of_spend(members.orders, holdout.orders), members.customers)
    revenue = _of_all(of_spend(members.revenue, holdout.revenue), members.customers)
    cost = float(total.cost)
    return {
        **_interval("incremental_orders", orders, 1),
        **_interval("incremental_revenue", revenue, 1),
        **(_interval("incremental_return", revenue, cost) if cost else {}),
        "cost_per_incremental": _rounded(cost / orders.lift) if orders.lift > 0 else None,
        "says": _words(orders),
    }


def _of_all(each: LiftEstimate, customers: int) -> LiftEstimate:
    """A difference per customer as that of so many."""
    return LiftEstimate(*(customers * value for value in (each.lift, each.low, each.high, each.detectable)))


def _interval(name: str, of: LiftEstimate, per: float) -> dict[str, Decimal]:
    return {f"{name}{end}": _rounded(value / per) for end, value in
            (("", of.lift), ("_low", of.low), ("_high", of.high))}  # fmt: skip


def _rounded(value: float) -> Decimal:
    return Decimal(f"{value:.4f}")


def _words(orders: LiftEstimate) -> str:
    side = "beyond" if orders.lift >= 0 else "fewer than"
    chance = "" if orders.low > 0 or orders.high < 0 else ", which may be chance"
    return (
        f"{abs(orders.lift):,.0f} purchases {side} what the holdout's mean gives"
        f" (95 %: {orders.low:,.0f} to {orders.high:,.0f}){chance}"
    )
