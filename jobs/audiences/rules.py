"""The rules of all audiences, evaluated in one pass over what is known of the customers as of some days."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from quanyu import asof
from quanyu.audience import Audience, Measure
from quanyu.discover import Catalogue
from quanyu.expressions import parse, qualifiers, to_sql, two_valued
from quanyu.feature import reach
from quanyu.literals import dates
from quanyu.run import Context

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

BY = ["customer_id", "as_of"]


def named(catalogue: Catalogue) -> list[str]:
    """Views and models that the rules name."""
    return qualifiers(audience.who for audience in catalogue.audiences.values())


def profile(context: Context, skipped: Sequence[date]) -> DataFrame:
    """All that rules may name of each customer as of each skipped day and the day of the run.

    One row per customer and day: a struct per view and model, measures as columns.
    """
    catalogue, day = context.catalogue, context.day
    found = context.lake.table(catalogue.tables["customers"]).selectExpr("customer_id", f"date'{day}' as as_of")
    if skipped:
        found = found.unionByName(asof.customers_known(context, *skipped))
    for room in named(catalogue):
        rows = _scores(context, room, skipped) if room in catalogue.models else _features(context, room, skipped)
        found = found.join(rows.selectExpr(*BY, f"struct(*) as `{room}`"), BY, "left")
    return _with_measures(context, found, skipped)


def _features(context: Context, view: str, skipped: Sequence[date]) -> DataFrame:
    there = context.lake.table(context.catalogue.tables[view]).where(f"as_of = date'{context.day}'")
    if not skipped:
        return there
    computed = asof.computed(context, context.catalogue.views[view], *skipped)
    return there.unionByName(computed, allowMissingColumns=True)


def _scores(context: Context, model: str, skipped: Sequence[date]) -> DataFrame:
    """Scores as they stood: a skipped day was not scored, so that the newest score before it still held."""
    rows = context.lake.table(context.catalogue.tables["scores"]).where(f"model = '{model}'")
    today = rows.where(f"as_of = date'{context.day}'")
    if not skipped:
        return today
    held = rows.selectExpr("*", f"explode(array({dates(skipped)})) as held_on").where("as_of <= held_on")
    newest = held.selectExpr("*", "row_number() over (partition by customer_id, held_on order by as_of desc) as nth")
    told = newest.where("nth = 1").drop("nth", "as_of").withColumnRenamed("held_on", "as_of")
    return today.unionByName(told)


def _with_measures(context: Context, found: DataFrame, skipped: Sequence[date]) -> DataFrame:
    """Compute the audiences' own measures, those over one table in one pass, named `audience__measure`."""
    by_table: dict[str, dict[str, Measure]] = {}
    for audience in context.catalogue.audiences.values():
        for name, measure in audience.measures.items():
            by_table.setdefault(measure.over, {})[f"{audience.name}__{name}"] = measure
    for over, measures in by_table.items():
        found = found.join(_measured(context, over, measures, [*skipped, context.day]), BY, "left")
        counts = [n for n, m in measures.items() if m.value.lower().startswith(("count", "sum"))]
        found = found.fillna(0, subset=counts) if counts else found
    return found


def _measured(context: Context, over: str, measures: dict[str, Measure], days: Sequence[date]) -> DataFrame:
    from pyspark.sql import functions as F  # noqa: N812

    table = context.catalogue.tables[over]
    texts = [text for m in measures.values() for text in (m.value, m.where) if text]
    rows = asof.facts(context, table, *days).where("customer_id is not null")
    rows = asof.with_referred(context, rows, table, texts, *days)
    types = reach(table, context.catalogue.tables)
    made = []
    for name, measure in measures.items():
        parts = [asof.since(table, measure.within)] if measure.within else []
        parts += [to_sql(two_valued(parse(measure.where).tree))] if measure.where else []
        made.append(F.expr(asof.aggregate(measure.value, " and ".join(parts) or None, types)).alias(name))
    return rows.groupBy(*BY).agg(*made)


def rule(audience: Audience) -> str:
    """SQL of an audience's rule over the profile: two-valued, its measures under their full names."""
    from sqlglot import exp

    tree = two_valued(parse(audience.who).tree)
    for column in list(tree.find_all(exp.Column)):
        if column.name in audience.measures and not column.table:
            column.replace(exp.column(f"{audience.name}__{column.name}"))
    return to_sql(tree)


def inside(context: Context, skipped: Sequence[date] = ()) -> DataFrame:
    """Who is in which audience as of the days: audience, customer_id, as_of, holdout. One pass over all of them."""
    audiences = context.catalogue.audiences.values()
    cases = ", ".join(
        f"if({rule(a)}, struct('{a.name}' as audience, cast({a.holdout} as double) as share), null)" for a in audiences
    )
    told = profile(context, skipped).selectExpr(*BY, f"explode(filter(array({cases}), a -> a is not null)) as a")
    # A hash of audience and customer, and not chance: who is held out stays held out, whenever it is asked.
    drawn = "pmod(xxhash64(a.audience, customer_id), 10000) < a.share * 10000"
    return told.selectExpr("a.audience as audience", *BY, f"{drawn} as holdout")
