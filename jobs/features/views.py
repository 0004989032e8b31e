"""The step of a feature view: its table has a current row per entity, and a day computes those that it touches."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from jobs.features.touched import TouchedEntities, changes_since
from quanyu.grammar.feature import FeatureView
from quanyu.grammar.table import Table
from quanyu.lake import WriteCounts, place_of
from quanyu.lake.receipt import Receipt
from quanyu.point_in_time import as_of, touched, view_parts
from quanyu.run.runner import Context, Outcome, Step

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def step(view: type[FeatureView], tables: Mapping[str, type[Table]]) -> Step:
    """The step of a view."""
    place = f"gold/{view.name}"
    return Step(
        name=view.step(), stage="features", reads=_reads(view, tables), writes=(place,), as_of=True, forward=True,
        definition=view.definition(tables), run=partial(write, view=view), inputs=partial(_tables_behind, view=view),
        describes=" ".join((view.__doc__ or "").split()), rebuilds=(place,), declares=view.declares(tables),
    )  # fmt: skip


def _reads(view: type[FeatureView], tables: Mapping[str, type[Table]]) -> tuple[str, ...]:
    referred = map(place_of, view_parts.referred(view, tables))
    leads = as_of.leading_places(view.entity, view.over, view.via)
    return tuple(sorted({*as_of.sources_of(view.over), *referred, *leads}))


def _tables_behind(context: Context, view: type[FeatureView]) -> dict[str, Any]:
    """What the view depends on besides versions. Facts of a job that has not run for the day are computed beside it."""
    ids = touched.tables_behind(context, (*_reads(view, context.catalogue.tables), f"gold/{view.name}"))
    of_day = view.over.layer == "silver" or as_of.is_current(context, view.over)
    return {**ids, f"whether {view.over.name} is of the day": of_day}


def write(context: Context, receipt: Receipt, view: type[FeatureView]) -> Outcome:
    """Bring the view's table to the day: entities that were touched since its last run, or all of them."""
    table = context.catalogue.tables[view.name]
    stored = context.lake.count_rows(place_of(table))
    if view.over.layer == "silver" and not stored and not context.lake.count_rows(place_of(view.over)):
        _clear_other_columns(context, table)
        context.lake.prepare(table)
        return Outcome(notes=(f"{view.over.name} has no rows yet",))
    changes = changes_since(context, view)
    # A view may have rows of few entities, and be touched by many that have no fact which counts.
    entities = max(stored, context.lake.count_rows(place_of(view.entity.table)))
    if not isinstance(changes, str) and changes.touched.count > touched.LARGEST_SHARE * entities:
        changes = f"{changes.touched.count:,} of {entities:,} {view.entity.plural(2)} are touched"
    if isinstance(changes, str):
        _clear_other_columns(context, table)
        rows = view_parts.compute(context, view, context.day)
        return _outcome(context.lake.sync(table, rows, receipt), f"computed in full: {changes}")
    written = context.lake.sync(table, _rows(context, view, changes), receipt, among=changes.touched.rows)
    said = f"touched {view.entity.plural(2)} since {changes.since}: {changes.touched.count:,}"
    return _outcome(written, said, stored - written.updated - written.deleted)


def _clear_other_columns(context: Context, table: type[Table]) -> None:
    """Remove a table with other columns than the declared ones: it is computed anew, and none of its values is used."""
    stored = context.lake.delta(place_of(table))
    if stored is not None and {field.name for field in stored.schema().fields} != set(table.columns):
        context.lake.drop(table)
        context.store.tables.forget([place_of(table)])


def _rows(context: Context, view: type[FeatureView], changes: TouchedEntities) -> DataFrame:
    """What the view stores of the touched entities: from all their facts, or merged from new ones where these add."""
    if changes.new_facts is None or changes.recomputed.count == changes.touched.count:
        return view_parts.compute(context, view, context.day, among=changes.recomputed.rows).drop("as_of")
    merged = _merged(context, view, changes, changes.new_facts)
    if not changes.recomputed.count:
        return merged
    rows = view_parts.compute(context, view, context.day, among=changes.recomputed.rows).drop("as_of")
    return rows.unionByName(merged)


def _merged(context: Context, view: type[FeatureView], changes: TouchedEntities, new_facts: DataFrame) -> DataFrame:
    """What is stored of entities that only have new facts, with these."""
    from pyspark.sql import functions as F  # noqa: N812

    tables, key = context.catalogue.tables, view.entity.key
    grown = changes.touched.rows.join(changes.recomputed.rows, key, "left_anti")
    rows = new_facts.drop("_change_type").selectExpr("*", f"date'{context.day}' as as_of")
    facts = as_of.keyed(context, view.entity, view.over, view.via, rows, context.day, among=grown)
    stored = grown.join(context.lake.table(tables[view.name]), key)
    parts = stored.unionByName(view_parts.compute_from(context, view, facts, context.day).drop("as_of"))
    return parts.groupBy(key).agg(*(F.expr(sql).alias(part) for part, sql in (view.merges(tables) or {}).items()))


def _outcome(written: WriteCounts, note: str, unchanged: int | None = None) -> Outcome:
    total = written.inserted + written.updated + written.unchanged
    unchanged = written.unchanged if unchanged is None else unchanged
    return Outcome(total, written.changed, unchanged=unchanged, notes=(note,))
