"""Members of an audience that an export may send, by the answers of the consent gate, and their history per export."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from jobs.audiences.memberships.intervals import members_on_day
from jobs.consent import gate
from jobs.consent.facts import Question, held_out
from jobs.exports.facts import ReachCounts
from jobs.exports.forms import formed, kinds_of
from jobs.exports.hashing import IdFormat
from quanyu.grammar.audience import Audience
from quanyu.lake import place_of
from quanyu.lake.receipt import Receipt
from quanyu.literals import quoted
from quanyu.model.entities import Customer
from quanyu.model.people import ANY
from quanyu.run.runner import Context

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

PLACE = "gold/export_members"
ADS = "ads"
NOT_ADDED = "nobody is added while that is in doubt"
NOT_TAKEN = "no value that the platform takes"
UNCONFIRMED = "the platform has not confirmed it"
OF_MEMBER = ("customer_id", "kind", "address_hash", "status")


def answers(context: Context, audience: Audience, kinds: Sequence[str]) -> DataFrame:
    """Answers of the consent gate for the members, with consent for any channel; columns as in `ConsentGate.check`."""
    question = Question(audience.purpose, ANY, tuple(kinds))
    members = members_on_day(context, Customer, audience.name)
    return gate.check_consent(context, question, members, held_out(context, audience.name))


def still_allowed(
    context: Context, export: str, present: DataFrame, forms: Mapping[str, IdFormat], scopes: Mapping[str, str]
) -> DataFrame:
    """Answers of the gate, formed, for the customers that are present: those with a reason are to be withdrawn."""
    question = Question(purpose_of(context, export), ANY, kinds_of(forms))
    held = held_out(context, export.partition(".")[0])
    customers = present.select("customer_id").distinct()
    return without_formless(context, formed(gate.check_consent(context, question, customers, held), forms, scopes))


def purpose_of(context: Context, export: str) -> str:
    """What the members were sent for: advertising, unless it is known."""
    return context.store.exports.state(export).purpose or ADS


def last_set(context: Context, export: str) -> DataFrame:
    """Addresses that were sent and not withdrawn: customer_id, kind, address_hash."""
    rows = context.lake.table(context.catalogue.tables["export_members"])
    rows = rows.where(f"export = {quoted(export)} and until is null and status = 'sent'")
    return rows.select("customer_id", "kind", "address_hash")


def delivered_exports(context: Context) -> dict[str, int]:
    """Every export whose last delivered set is not empty, with the number of its addresses."""
    from pyarrow import compute

    return rows_by_export(context, PLACE, compute.is_null(compute.field("until")) & (compute.field("status") == "sent"))


def rows_by_export(context: Context, place: str, where: Any) -> dict[str, int]:
    """Number of rows of a table of exports that meet a condition of Arrow, by export; none without the table."""
    if not context.lake.exists(place):
        return {}
    exports = context.lake.rows(place, ["export"], where)["export"].value_counts().to_pylist()
    return {row["values"]: row["counts"] for row in exports}


def last_day(context: Context, export: str) -> date | None:
    """The newest day on which the set of an export changed."""
    rows = context.lake.table(context.catalogue.tables["export_members"]).where(f"export = {quoted(export)}")
    [newest] = rows.selectExpr("max(greatest(since, coalesce(until, since))) as day").collect()
    day: date | None = newest["day"]
    return day


def was_ever_delivered(context: Context, export: str) -> bool:
    """Whether the last delivered set is not empty: only then is there anything to remove."""
    return bool(last_set(context, export).limit(1).count())


def without_additions(context: Context, rows: DataFrame, sent: DataFrame) -> DataFrame:
    """The answers, with every address withheld that is not among those sent before: customer_id, kind, address_hash."""
    before = sent.selectExpr("*", "true as was_sent")
    joined = rows.join(before, ["customer_id", "kind", "address_hash"], "left")
    reason = f"coalesce(reason, if(was_sent, null, {quoted(NOT_ADDED)})) as reason"
    return context.lake.staging.materialize(joined.selectExpr(*(c for c in rows.columns if c != "reason"), reason))


def without_formless(context: Context, rows: DataFrame) -> DataFrame:
    """The answers (with `formed`), with addresses withheld of which the platform takes no value."""
    taken_none = "reason is null and formed is null"
    values = {"reason": NOT_TAKEN, "cause": gate.ADDRESS}
    cases = [f"if({taken_none}, {quoted(text)}, {name}) as {name}" for name, text in values.items()]
    return context.lake.staging.materialize(rows.selectExpr(*(c for c in rows.columns if c not in values), *cases))


def without_unconfirmed(context: Context, rows: DataFrame, current: DataFrame) -> DataFrame:
    """The answers, with addresses withheld that the platform has not confirmed; `current` are rows of ExportSets."""
    there = current.where("state = 'there'").selectExpr("identifier", "value as formed", "true as is_there")
    joined = rows.join(there, ["identifier", "formed"], "left")
    reason = f"coalesce(reason, if(is_there, null, {quoted(UNCONFIRMED)})) as reason"
    return context.lake.staging.materialize(joined.selectExpr(*(c for c in rows.columns if c != "reason"), reason))


def record(context: Context, export: str, rows: DataFrame, receipt: Receipt) -> None:
    """Store what the export sends of each member from the context's day on. Only changes are written."""
    table = context.catalogue.tables["export_members"]
    context.lake.prepare(table)
    current = context.lake.table(table).where(f"export = {quoted(export)} and until is null")
    changes = _changes(context, export, _statuses(rows), current)
    staged = context.lake.staging.stage(changes.select(*table.columns))
    counts = {"out": staged.count}
    if staged.count and context.lake.version(place_of(table)) is None:
        context.lake.append(PLACE, staged, receipt, counts)
    elif staged.count:
        updates = context.lake.staging.stage(staged.rows.selectExpr("*", "'update' as _op"))
        context.lake.merge(table, updates, table.keys, receipt, counts)


def _statuses(rows: DataFrame) -> DataFrame:
    filled = [f"coalesce({name}, '') as {name}" for name in ("kind", "address_hash")]
    status = "if(reason is null, 'sent', 'withheld') as status"
    return rows.selectExpr("customer_id", *filled, "reason", status).distinct()


def _changes(context: Context, export: str, now: DataFrame, current: DataFrame) -> DataFrame:
    """Rows that begin on the day, and rows that end on it."""
    day = f"date'{context.day}'"
    before = current.selectExpr(*OF_MEMBER, "reason as reason_before", "since")
    both = context.lake.staging.materialize(now.join(before, list(OF_MEMBER), "left"))
    same = "since is not null and coalesce(reason, '') = coalesce(reason_before, '')"
    begun = both.where(f"not ({same})").selectExpr(
        *OF_MEMBER, "reason", f"{day} as since", "cast(null as date) as until"
    )
    unchanged = both.where(same).select(*OF_MEMBER)
    ended = current.join(unchanged, list(OF_MEMBER), "left_anti")
    # A row that began on the same day is replaced, not ended.
    ended = ended.join(begun.select(*OF_MEMBER, "since"), [*OF_MEMBER, "since"], "left_anti")
    ended = ended.selectExpr(*OF_MEMBER, "reason", "since", f"{day} as until")
    return begun.unionByName(ended).selectExpr(f"{quoted(export)} as export", "*")


# Outcomes of a member, best first.
_OUTCOMES = {
    "customers": "reason is null",
    "holdout": f"cause = '{gate.HELD_OUT}'",
    "without_consent": f"cause = '{gate.CONSENT}'",
    "without_identifier": f"cause = '{gate.ADDRESS}'",
    "not_added": f"reason = {quoted(NOT_ADDED)}",
    "barred": "true",
}


def counts(rows: DataFrame) -> ReachCounts:
    """Count each member once, by the best outcome of their addresses."""
    from pyspark.sql import functions as F  # noqa: N812

    cases = " ".join(f"when {condition} then {n}" for n, condition in enumerate(_OUTCOMES.values()))
    best = F.expr(f"min(case {cases} end)").alias("best")
    shares = F.expr(f"bool_or(coalesce(cause = '{gate.SHARED}', false))").alias("shares")
    each = rows.groupBy("customer_id").agg(best, shares).groupBy("best", "shares").count().collect()
    by_name = Counter({"members": sum(row["count"] for row in each)})
    for row in each:
        by_name[list(_OUTCOMES)[row["best"]]] += row["count"]
        by_name["shared"] += row["count"] if row["shares"] else 0
    return ReachCounts(**by_name)
