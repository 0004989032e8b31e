"""One step for all audiences: one pass over the customers, then who entered and who left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quanyu import asof
from quanyu.audience import Audience, Measure
from quanyu.declare import digest
from quanyu.discover import Catalogue
from quanyu.expressions import parse, to_sql, two_valued
from quanyu.feature import reach
from quanyu.lake import Receipt
from quanyu.run import Context, Outcome, Step

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def steps(catalogue: Catalogue) -> list[Step]:
    """List the step that keeps all memberships, if there is any audience."""
    if not catalogue.audiences:
        return []
    tables = catalogue.tables
    measured = {m.over for a in catalogue.audiences.values() for m in a.measures.values()}
    facts = {place for name in measured for place in asof.sources_of(tables[name])}
    reads = {f"gold/{view}" for view in _named(catalogue)} | facts | {asof.IDENTITIES, "gold/customers"}
    definition = digest([audience.digest() for audience in catalogue.audiences.values()])
    return [
        Step(
            "memberships", "audiences", tuple(sorted(reads)), ("gold/memberships",), definition, keep,
            "Who is in each audience, since when, and who left.", as_of=True, forward=True,
        )
    ]  # fmt: skip


def _named(catalogue: Catalogue) -> set[str]:
    """Views and `scores` that the rules name."""
    columns = (column for audience in catalogue.audiences.values() for column in parse(audience.who).columns)
    rooms = {column.split(".")[0] for column in columns if "." in column}
    return {"scores" if room in catalogue.models else room for room in rooms}


def profile(context: Context) -> DataFrame:
    """All that rules may name of each customer as of the day: a struct per view and model, measures as columns."""
    catalogue, day = context.catalogue, context.day
    found = context.lake.table(catalogue.tables["customers"]).select("customer_id")
    named = {
        column.split(".")[0] for a in catalogue.audiences.values() for column in parse(a.who).columns if "." in column
    }
    for room in sorted(named):
        table = catalogue.tables["scores" if room in catalogue.models else room]
        rows = context.lake.table(table).where(f"as_of = date'{day}'")
        rows = rows.where(f"model = '{room}'") if room in catalogue.models else rows
        found = found.join(rows.selectExpr("customer_id", f"struct(*) as `{room}`"), "customer_id", "left")
    return _with_measures(context, found)


def _with_measures(context: Context, found: DataFrame) -> DataFrame:
    """Compute the audiences' own measures, those over one table in one pass, named `audience__measure`."""
    by_table: dict[str, dict[str, Measure]] = {}
    for audience in context.catalogue.audiences.values():
        for name, measure in audience.measures.items():
            by_table.setdefault(measure.over, {})[f"{audience.name}__{name}"] = measure
    for over, measures in by_table.items():
        found = found.join(_measured(context, over, measures), "customer_id", "left")
        counts = [n for n, m in measures.items() if m.value.lower().startswith(("count", "sum"))]
        found = found.fillna(0, subset=counts) if counts else found
    return found


def _measured(context: Context, over: str, measures: dict[str, Measure]) -> DataFrame:
    from pyspark.sql import functions as F  # noqa: N812

    table = context.catalogue.tables[over]
    texts = [text for m in measures.values() for text in (m.value, m.where) if text]
    rows = asof.facts(context, table, context.day).where("customer_id is not null")
    rows = asof.with_referred(context, rows, table, texts, context.day)
    types = reach(table, context.catalogue.tables)
    made = []
    for name, measure in measures.items():
        parts = [asof.since(table, measure.within)] if measure.within else []
        parts += [to_sql(two_valued(parse(measure.where).tree))] if measure.where else []
        made.append(F.expr(asof.aggregate(measure.value, " and ".join(parts) or None, types)).alias(name))
    return rows.groupBy("customer_id").agg(*made)


def rule(audience: Audience) -> str:
    """SQL of an audience's rule over the profile: two-valued, its measures under their full names."""
    from sqlglot import exp

    tree = two_valued(parse(audience.who).tree)
    for column in list(tree.find_all(exp.Column)):
        if column.name in audience.measures and not column.table:
            column.replace(exp.column(f"{audience.name}__{column.name}"))
    return to_sql(tree)


def inside(context: Context) -> DataFrame:
    """Who is in which audience as of the day: audience, customer_id, holdout. One pass, whatever their number."""
    audiences = context.catalogue.audiences.values()
    cases = ", ".join(
        f"if({rule(a)}, struct('{a.name}' as audience, cast({a.holdout} as double) as share), null)" for a in audiences
    )
    told = profile(context).selectExpr("customer_id", f"explode(filter(array({cases}), a -> a is not null)) as a")
    # A hash of audience and customer, and not chance: who is held out stays held out, whenever it is asked.
    drawn = "pmod(xxhash64(a.audience, customer_id), 10000) < a.share * 10000"
    return told.selectExpr("a.audience as audience", "customer_id", f"{drawn} as holdout")


def keep(context: Context, receipt: Receipt) -> Outcome:
    """Bring the memberships forward to the day: newcomers enter, who is out has left, who is in stays."""
    table, lake, day = context.catalogue.tables["memberships"], context.lake, context.day
    now = lake.staging.keep(inside(context))
    before = lake.table(table)
    past = before.where("left_on is not null")
    key = ["audience", "customer_id"]
    still = before.where("left_on is null").join(now.select(*key), key, "left_semi")
    # Who came in on this very day and is out by a corrected view of it was never in.
    gone = before.where(f"left_on is null and entered_on < date'{day}'").join(now.select(*key), key, "left_anti")
    left = gone.selectExpr("audience", "customer_id", "entered_on", f"date'{day}' as left_on", "holdout")
    fresh = now.join(before.where("left_on is null").select(*key), key, "left_anti")
    entered = fresh.selectExpr(
        "audience", "customer_id", f"date'{day}' as entered_on", "cast(null as date) as left_on", "holdout"
    )
    written = lake.sync(table, past.unionByName(still).unionByName(left).unionByName(entered), receipt)
    sizes = {
        row["audience"]: row["n"] for row in now.groupBy("audience").count().withColumnRenamed("count", "n").collect()
    }
    told = {name: sizes.get(name, 0) for name in context.catalogue.audiences}
    return Outcome(sum(told.values()), written.changed, 0, written.unchanged, (), {"audiences": told})
