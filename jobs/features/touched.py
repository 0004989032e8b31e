"""Which entities of a view are touched since its table was last written: by new, corrected or leaving facts, or by ids.

The table's record says up to which versions of its inputs and which day it was computed. What has changed since is
read from Delta's change feeds; what only time changes (facts that enter, leave a window, or end) from the facts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from quanyu.grammar.declaration import digest
from quanyu.grammar.feature import FeatureView
from quanyu.grammar.table import Table
from quanyu.identifiers.valid import PERSON
from quanyu.lake import place_of
from quanyu.lake.staging import StagedRows
from quanyu.lake.union import union_all
from quanyu.literals import instant
from quanyu.point_in_time import as_of, view_parts
from quanyu.run.runner import Context

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# With a larger share of new rows, or of touched entities, computing everything is faster.
LARGEST_SHARE = 0.3
# Rows of a change feed that only add to what was there.
INSERT = "insert"


@dataclass(frozen=True)
class Position:
    """Up to what a view's table was computed: the day, and the version of each input."""

    day: date
    versions: Mapping[str, int | None]


@dataclass(frozen=True)
class TouchedEntities:
    """Keys of the touched entities; `recomputed` are those that need all their facts, the others only have new ones."""

    since: date
    touched: StagedRows
    recomputed: StagedRows
    new_facts: DataFrame | None


class ExpiredError(Exception):
    """The change feed of an input does not reach back far enough. Its text names the table."""


def changes_since(context: Context, view: type[FeatureView]) -> TouchedEntities | str:
    """What has touched entities of a view since it was computed; or in words why all of them have to be computed."""
    position = position_of(context, view)
    if isinstance(position, str):
        return position
    if words := _obstacle(context, view, position):
        return words
    try:
        return _Reader(context, view, position).touched()
    except ExpiredError as error:
        return f"the changes of {error} have expired"


def position_of(context: Context, view: type[FeatureView]) -> Position | str:
    """Up to what the stored table was computed; or in words why that is of no use."""
    step, place = context.step(view.step()), f"gold/{view.name}"
    record = context.store.unchanged_runs.load(step.name, "")
    version = context.lake.version(place)
    if context.full:
        return "--full"
    if record is None or version is None:
        return "it has not run yet"
    if record["wrote"].get(place) != version:
        return "its last run did not end"
    if record["depends"].get("definition") != step.fingerprint():
        return "its declaration or code has changed"
    tables = {name: digest(value) for name, value in step.inputs(context).items()} if step.inputs else {}
    if record["parts"] != tables:
        return "a table was rebuilt, its job had not run, or the time zone has changed"
    day = date.fromisoformat(record["day"])
    if day > context.day:
        return f"it stood at {day}"
    return Position(day, record["depends"]["inputs"])


def _obstacle(context: Context, view: type[FeatureView], position: Position) -> str:
    """Why the facts do not say which entities are touched; empty if they do."""
    if view.over.name == "identifiers":
        return "which identifiers are current depends on all of them"
    if view.over.layer == "gold" and not as_of.is_current(context, view.over):
        return f"{view.over.name} is not of {context.day}"
    place = place_of(view.over)
    written = context.lake.rows_written(place, position.versions.get(place))
    if written and written > LARGEST_SHARE * context.lake.arrow(place).count_rows():
        return f"much of {view.over.name} is new ({written:,} rows)"
    if position.day != context.day and view.changes_daily(context.catalogue.tables):
        return "it looks at each fact from as_of"
    return ""


@dataclass
class _Reader:
    context: Context
    view: type[FeatureView]
    position: Position

    def touched(self) -> TouchedEntities:
        """Keys of touched entities, and the new facts if those that only have such can be merged."""
        staging, over = self.context.lake.staging, self._over
        feed = self._feed(over, list(over.schema()) if self._mergeable else self._leading)
        certain = f"_change_type = '{INSERT}' and {self._counts_today()}" if self._mergeable else "false"
        moved = self._moved_by_time()
        if moved is not None and self._mergeable:
            # A new fact is in the table too, and known since the day.
            moved = moved.join(feed.where(certain), list(over.identity()), "left_anti")
        rows = [
            feed.where(f"not coalesce({certain}, false)"),
            *([moved] if moved is not None else []),
            *self._referring(),
        ]
        keys = [self._keys(union_all([one.select(*self._leading) for one in rows])), *self._by_ids()]
        recomputed = staging.stage(union_all(keys).distinct())
        if not self._mergeable:
            return TouchedEntities(self.position.day, recomputed, recomputed, None)
        touched = staging.stage(recomputed.rows.unionByName(self._keys(feed)).distinct())
        return TouchedEntities(self.position.day, touched, recomputed, feed.where(certain))

    @cached_property
    def _over(self) -> type[Table]:
        return self.context.catalogue.tables.get(self.view.over.name, self.view.over)

    @cached_property
    def _mergeable(self) -> bool:
        return self.view.merges(self.context.catalogue.tables) is not None

    @cached_property
    def _by_person(self) -> bool:
        return as_of.by_person(self.view.entity, self._over)

    @cached_property
    def _looked_up_by(self) -> str:
        """Column of the entity's table with the value by which a fact leads to it."""
        return self.view.entity.path_column(self._over, self.view.via)

    @cached_property
    def _leading(self) -> list[str]:
        """Columns of a fact that lead to its entity."""
        return list(PERSON) if self._by_person else [self.view.entity.path(self._over, self.view.via)]

    def _feed(self, table: type[Table], columns: Sequence[str]) -> DataFrame:
        """Changes of an input since the position: these columns, and `_change_type`."""
        lake, place = self.context.lake, place_of(table)
        rows = lake.changes(place, self.position.versions.get(place), columns)
        if rows is None:
            raise ExpiredError(place)
        types = {name: table.schema()[name].type for name in columns}
        if not rows.num_rows:
            schema = ", ".join(f"`{n}` {kind}" for n, kind in {**types, "_change_type": "string"}.items())
            return lake.spark.createDataFrame([], schema)
        stored = {name: types.get(name, "string") for name in rows.column_names}
        staged = lake.staging.stage_arrow(
            lake.spark, rows, ", ".join(f"`{name}` {kind}" for name, kind in stored.items())
        )
        values = (f"`{n}`" if n in stored else f"cast(null as {kind}) as `{n}`" for n, kind in types.items())
        return staged.rows.selectExpr(*values, "_change_type")

    def _keys(self, rows: DataFrame) -> DataFrame:
        """Keys of the entities that facts are about."""
        key, leading = self.view.entity.key, rows.select(*self._leading).distinct()
        if self._by_person:
            return as_of.people_of(self.context).join(leading, self._leading, "left_semi").select(key)
        leading = leading.withColumnRenamed(self._leading[0], self._looked_up_by)
        if self._looked_up_by == key:
            return leading.where(f"`{key}` is not null")
        keys = as_of.keys_by(self.context, self.view.entity, self._looked_up_by, self.context.day)
        return keys.join(leading, self._looked_up_by).select(key)

    def _counts_today(self) -> str:
        """Condition of a row that is a fact on the day, and not yet replaced."""
        if self._over.layer == "gold":
            return "true"
        happened = f" and {self._before(self.context.day)}" if self._over.event_time else ""
        return f"recorded_on <= date'{self.context.day}' and replaced_on is null{happened}"

    def _before(self, day: date) -> str:
        """Condition of a fact that happened before the end of a day."""
        return f"`{self._over.event_time}` < {self._start(day + timedelta(days=1))}"

    def _start(self, day: date) -> str:
        if self._over.schema()[str(self._over.event_time)].type == "date":
            return f"date'{day}'"
        return instant(datetime.combine(day, time(), self.context.settings.tzinfo))

    def _moved_by_time(self) -> DataFrame | None:
        """Facts that only time has moved: into what is known, past their hour, or out of a window."""
        before, day = self.position.day, self.context.day
        moved = []
        if self._over.layer == "silver":
            moved.append(" or ".join(f"({_between(name, before, day)})" for name in ("recorded_on", "replaced_on")))
        if self._over.layer == "silver" and self._over.event_time:
            moved.append(self._during(before, day))
        windows = [timedelta(days=days) for days in sorted(self.view.windows(self.context.catalogue.tables))]
        if windows:
            moved.append(" or ".join(f"({self._during(before - window, day - window)})" for window in windows))
        if before == day or not moved:
            return None
        # A scan for each, since an engine skips no groups of rows where columns are mixed.
        rows = self.context.lake.table(self._over)
        return union_all([rows.where(condition) for condition in moved])

    def _during(self, after: date, until: date) -> str:
        """Condition of a fact that happened after the end of a day, and before that of another."""
        return f"`{self._over.event_time}` >= {self._start(after + timedelta(days=1))} and {self._before(until)}"

    def _by_ids(self) -> Iterator[DataFrame]:
        """Customers whose records have changed, and entities to which a changed row of their table leads."""
        key, by = self.view.entity.key, self._looked_up_by
        if self._by_person:
            yield self._feed(self.context.catalogue.tables["identities"], [key]).select(key)
        elif by != key:
            table = self.context.catalogue.tables[self.view.entity.table.name]
            changed = self._changed(table, [by, key])
            if changed.count:
                others = self.context.lake.table(table).join(changed.rows.select(by), by, "left_semi")
                yield changed.rows.select(key).unionByName(others.select(key)).where(f"`{key}` is not null")

    def _referring(self) -> Iterator[DataFrame]:
        """Facts that refer to a changed row of a table that the view names."""
        for table in view_parts.referred(self.view, self.context.catalogue.tables):
            by = view_parts.references_to(self._over, table)
            changed = self._changed(table, list(by.values()))
            if changed.count:
                names = changed.rows.selectExpr(*(f"`{key}` as `{column}`" for column, key in by.items()))
                yield names.join(self.context.lake.table(self._over), list(by))

    def _changed(self, table: type[Table], columns: Sequence[str]) -> StagedRows:
        """These columns of the rows of a master that were written since the position, or that time has moved."""
        before, day = self.position.day, self.context.day
        moved = " or ".join(f"({_between(name, before, day)})" for name in ("recorded_on", "replaced_on"))
        stored = self.context.lake.table(table).where(moved).select(*columns)
        return self.context.lake.staging.stage(
            self._feed(table, columns).select(*columns).unionByName(stored).distinct()
        )


def _between(name: str, after: date, until: date) -> str:
    """Condition of a day after one and up to another. That it is not null lets an engine skip groups of nulls."""
    return f"`{name}` is not null and `{name}` > date'{after}' and `{name}` <= date'{until}'"
