"""Which entities of a view are touched since its table was last written, and the new facts of those that only add."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from quanyu.grammar.feature import FeatureView
from quanyu.lake.staging import StagedRows
from quanyu.lake.union import union_all
from quanyu.point_in_time import as_of, view_parts
from quanyu.point_in_time.touched import INSERT, ChangedFacts, ExpiredError, Position, much_is_new, position_of
from quanyu.run.runner import Context

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class TouchedEntities:
    """Keys of the touched entities; `recomputed` are those that need all their facts, the others only have new ones."""

    since: date
    touched: StagedRows
    recomputed: StagedRows
    new_facts: DataFrame | None


def changes_since(context: Context, view: type[FeatureView]) -> TouchedEntities | str:
    """What has touched entities of a view since it was computed; or in words why all of them have to be computed."""
    position = position_of(context, context.step(view.step()))
    if isinstance(position, str):
        return position
    if words := _obstacle(context, view, position):
        return words
    try:
        return _touched(context, view, position)
    except ExpiredError as error:
        return f"the changes of {error} have expired"


def _obstacle(context: Context, view: type[FeatureView], position: Position) -> str:
    """Why the facts do not say which entities are touched; empty if they do."""
    if view.over.name == "identifiers":
        return "which identifiers are current depends on all of them"
    if view.over.layer == "gold" and not as_of.is_current(context, view.over):
        return f"{view.over.name} is not of {context.day}"
    if words := much_is_new(context, view.over, position):
        return words
    if position.day != context.day and view.changes_daily(context.catalogue.tables):
        return "it looks at each fact from as_of"
    return ""


def _touched(context: Context, view: type[FeatureView], position: Position) -> TouchedEntities:
    """Keys of touched entities, and the new facts if those that only have such can be merged."""
    tables, staging = context.catalogue.tables, context.lake.staging
    facts = ChangedFacts(
        context, position, view.entity, view.over, view.via, view_parts.referred(view, tables),
        sorted(view.windows(tables)),
    )  # fmt: skip
    if view.merges(tables) is None:
        recomputed = staging.stage(union_all([facts.keys(facts.leads()), *facts.keys_by_ids()]).distinct())
        return TouchedEntities(position.day, recomputed, recomputed, None)
    over = tables.get(view.over.name, view.over)
    feed = facts.feed(list(over.schema()))
    certain = f"_change_type = '{INSERT}' and {facts.counts_today()}"
    rows = [feed.where(f"not coalesce({certain}, false)"), *facts.referring()]
    if (moved := facts.moved_by_time()) is not None:
        # A new fact is in the table too, and known since the day.
        rows.append(moved.join(feed.where(certain), list(over.identity()), "left_anti"))
    keys = [facts.keys(union_all([one.select(*facts.leading) for one in rows])), *facts.keys_by_ids()]
    recomputed = staging.stage(union_all(keys).distinct())
    touched = staging.stage(recomputed.rows.unionByName(facts.keys(feed)).distinct())
    return TouchedEntities(position.day, touched, recomputed, feed.where(certain))
