"""Evaluates the rules of all audiences in one pass over customer profiles as of one or more days."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

from sqlglot import exp

from quanyu import as_of
from quanyu.discover import Catalogue
from quanyu.expressions import lost, parse, qualifiers, safe_sql, two_valued
from quanyu.grammar.audience import Audience, Measure
from quanyu.literals import dates
from quanyu.run.runner import Context

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

BY = as_of.BY


Audiences = Collection[Audience]


def named(audiences: Audiences) -> list[str]:
    """Views and models that the rules refer to."""
    return qualifiers(audience.who for audience in audiences)


def profile(context: Context, skipped: Sequence[date], audiences: Audiences | None = None) -> DataFrame:
    """Profiles of customers: every view, score and measure that the rules of these audiences (all by default) refer to.

    One row per customer and day, for the skipped days and the day of the run: a struct column per view and model, a
    column per measure.
    """
    catalogue, day = context.catalogue, context.day
    audiences = catalogue.audiences.values() if audiences is None else audiences
    profiles = context.lake.table(catalogue.tables["customers"]).selectExpr("customer_id", f"date'{day}' as as_of")
    if skipped:
        profiles = profiles.unionByName(as_of.customers_known(context, *skipped))
    for room in named(audiences):
        rows = _scores(context, room, skipped) if room in catalogue.models else _features(context, room, skipped)
        profiles = profiles.join(rows.selectExpr(*BY, f"struct(*) as `{room}`"), BY, "left")
    return _with_measures(context, profiles, skipped, audiences)


def _features(context: Context, view: str, skipped: Sequence[date]) -> DataFrame:
    current = context.lake.table(context.catalogue.tables[view]).where(f"as_of = date'{context.day}'")
    if not skipped:
        return current
    computed = as_of.computed(context, context.catalogue.views[view], *skipped)
    return current.unionByName(computed, allowMissingColumns=True)


def _scores(context: Context, model: str, skipped: Sequence[date]) -> DataFrame:
    """Scores as of each day. A skipped day was not scored, so the newest earlier score applies."""
    rows = context.lake.table(context.catalogue.tables["scores"]).where(f"model = '{model}'")
    today = rows.where(f"as_of = date'{context.day}'")
    if not skipped:
        return today
    candidates = rows.selectExpr("*", f"explode(array({dates(skipped)})) as skipped_on").where("as_of <= skipped_on")
    nth = "row_number() over (partition by customer_id, skipped_on order by as_of desc) as nth"
    newest = candidates.selectExpr("*", nth)
    latest = newest.where("nth = 1").drop("nth", "as_of").withColumnRenamed("skipped_on", "as_of")
    return today.unionByName(latest)


def _with_measures(context: Context, profiles: DataFrame, skipped: Sequence[date], audiences: Audiences) -> DataFrame:
    """Add a column `audience__measure` for each measure; measures over the same table are computed in one pass.

    `_lost` lists the measures whose value overflows or cannot be computed for the customer.
    """
    by_table: dict[str, dict[str, Measure]] = {}
    for audience in audiences:
        for name, measure in audience.measures.items():
            by_table.setdefault(measure.over, {})[full_name(audience, name)] = measure
    profiles = profiles.selectExpr("*", "cast(array() as array<string>) as _lost")
    for over, measures in by_table.items():
        plans = {name: measure.plan(context.catalogue.tables) for name, measure in measures.items()}
        columns = [f"`{name}`" for name in profiles.columns if name != "_lost"]
        values = [f"{plan.value()} as `{name}`" for name, plan in plans.items()]
        losses = {name: condition for name, plan in plans.items() if (condition := plan.lost())}
        joined = profiles.join(_aggregated(context, over, measures, [*skipped, context.day]), BY, "left")
        profiles = joined.selectExpr(*columns, *values, f"concat(_lost, {_names(losses)}) as _lost")
    return profiles


def _names(conditions: Mapping[str, str]) -> str:
    """SQL of an array with each name whose condition is true."""
    cases = ", ".join(f"if({condition}, '{name}', null)" for name, condition in conditions.items())
    return f"filter(array({cases}), e -> e is not null)" if cases else "cast(array() as array<string>)"


def full_name(audience: Audience, measure: str) -> str:
    """Name of a measure that is unique over all audiences."""
    return f"{audience.name}__{measure}"


def _aggregated(context: Context, over: str, measures: dict[str, Measure], days: Sequence[date]) -> DataFrame:
    tables = context.catalogue.tables
    texts = [text for m in measures.values() for text in (m.value, m.where) if text]
    rows = as_of.facts(context, tables[over], *days).where("customer_id is not null")
    rows = as_of.with_referred(context, rows, tables[over], texts, *days)
    return as_of.computed_parts(rows, [measure.plan(tables) for measure in measures.values()], *days)


def rule(catalogue: Catalogue, audience: Audience) -> str:
    """SQL of an audience's rule over the profile: true or false, never null. Measures have their full names."""
    return safe_sql(two_valued(_full(audience)), _types(catalogue, audience))


def _types(catalogue: Catalogue, audience: Audience) -> dict[str, str]:
    columns = audience.columns(catalogue.known, catalogue.tables)
    return {full_name(audience, n) if n in audience.measures else n: c.type for n, c in columns.items()}


def _full(audience: Audience) -> exp.Expr:
    tree = parse(audience.who).tree.copy()
    for column in list(tree.find_all(exp.Column)):
        if column.name in audience.measures and not column.table:
            column.set("this", exp.to_identifier(full_name(audience, column.name)))
    return tree


def inside(context: Context, skipped: Sequence[date] = ()) -> DataFrame:
    """Members of every audience as of each day: audience, customer_id, as_of, holdout. One pass over all audiences."""
    return considered(context, skipped).where("lost is null").drop("lost")


def considered(context: Context, skipped: Sequence[date] = (), audiences: Audiences | None = None) -> DataFrame:
    """Members of these audiences (all by default), and the values that cannot be computed for a customer.

    Columns as `inside`, and `lost`. A value that cannot be computed has a row of its own, with its name in `lost` and a
    null audience.
    """
    catalogue = context.catalogue
    audiences = catalogue.audiences.values() if audiences is None else audiences
    members = _names({a.name: rule(catalogue, a) for a in audiences})
    losses = {f"{a.name}.who": condition for a in audiences if (condition := lost(_full(a), _types(catalogue, a)))}
    named_lost = f"transform(concat(_lost, {_names(losses)}), name -> concat('{_LOST}', name))"
    rows = profile(context, skipped, audiences).selectExpr(*BY, f"explode(concat({members}, {named_lost})) as name")
    audience, value = f"if(startswith(name, '{_LOST}'), null, name)", f"nullif(replace(name, '{_LOST}', ''), name)"
    return rows.selectExpr(f"{audience} as audience", *BY, f"{_drawn(audiences)} as holdout", f"{value} as lost")


def _drawn(audiences: Audiences) -> str:
    """SQL of whether a customer is in the holdout: a hash of audience and customer, so that the draw never changes.

    It hashes with SHA-256 to text, because engines agree on it. A customer who is in the holdout of a share is in that
    of every larger share.
    """
    shares = " ".join(f"when '{a.name}' then '{int(a.holdout * 2**32):08x}'" for a in audiences)
    lot = "substring(sha2(concat(name, ':', customer_id), 256), 1, 8)"
    return f"{lot} < case name {shares} else '00000000' end"


# Prefix of a value that cannot be computed. No name of an audience contains a space.
_LOST = "lost "
