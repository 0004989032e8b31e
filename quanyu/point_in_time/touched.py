"""Which entities are touched since a day and versions of tables: by new, corrected or leaving facts, or by ids.

A step's record says up to which versions of its inputs and which day its table was computed. What has changed since is
read from Delta's change feeds; what only time changes (facts that enter, leave a window, or end) from the facts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from quanyu.grammar.declaration import digest
from quanyu.grammar.entity import Entity
from quanyu.grammar.table import Table
from quanyu.identifiers.valid import PERSON
from quanyu.lake import place_of
from quanyu.lake.staging import StagedRows
from quanyu.lake.union import union_all
from quanyu.literals import instant
from quanyu.point_in_time import as_of, masters
from quanyu.run.runner import Context, Step

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# With a larger share of new rows, or of touched entities, computing everything is faster.
LARGEST_SHARE = 0.3
# Rows of a change feed that only add to what was there.
INSERT = "insert"


@dataclass(frozen=True)
class Position:
    """Up to what a table was computed: the day, and the version of each input."""

    day: date
    versions: Mapping[str, int | None]


class ExpiredError(Exception):
    """The change feed of an input does not reach back far enough. Its text names the table."""


def position_of(context: Context, step: Step) -> Position | str:
    """Up to what the stored table of a step was computed; or in words why that is of no use."""
    place = step.writes[0]
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


def tables_behind(context: Context, places: Sequence[str]) -> dict[str, Any]:
    """Ids of tables, and the zone: what else than versions of inputs and the day a touched table depends on.

    A table that was rebuilt counts its versions anew: they say nothing of what has changed. The zone says when a
    day begins.
    """
    opened = {place: context.lake.delta(place) for place in places}
    ids = {place: str(table.metadata().id) if table else None for place, table in opened.items()}
    return {**ids, "zone": context.settings.zone}


def much_is_new(context: Context, table: type[Table], position: Position) -> str:
    """In words that too many rows of a table are new to look at each; empty if not."""
    place = place_of(table)
    written = context.lake.rows_written(place, position.versions.get(place))
    if written and written > LARGEST_SHARE * context.lake.arrow(place).count_rows():
        return f"much of {table.name} is new ({written:,} rows)"
    return ""


def changed_customers(context: Context, position: Position) -> DataFrame:
    """Customers whose records have changed: customer_id."""
    identities = context.catalogue.tables["identities"]
    return changes(context, identities, ["customer_id"], position).select("customer_id")


def changes(context: Context, table: type[Table], columns: Sequence[str], position: Position) -> DataFrame:
    """Changes of an input since the position: these columns, and `_change_type`. Raises ExpiredError."""
    lake, place = context.lake, place_of(table)
    rows = lake.changes(place, position.versions.get(place), columns)
    if rows is None:
        raise ExpiredError(place)
    types = {name: table.schema()[name].type for name in columns}
    if not rows.num_rows:
        schema = ", ".join(f"`{n}` {kind}" for n, kind in {**types, "_change_type": "string"}.items())
        return lake.spark.createDataFrame([], schema)
    stored = {name: types.get(name, "string") for name in rows.column_names}
    staged = lake.staging.stage_arrow(lake.spark, rows, ", ".join(f"`{name}` {kind}" for name, kind in stored.items()))
    values = (f"`{n}`" if n in stored else f"cast(null as {kind}) as `{n}`" for n, kind in types.items())
    return staged.rows.selectExpr(*values, "_change_type")


@dataclass(frozen=True)
class ChangedFacts:
    """Facts of a table that have changed since a position, and the entities that they are about.

    `referred` are tables whose columns the computation names; `windows`, in days, are those that facts leave by time.
    """

    context: Context
    position: Position
    entity: type[Entity]
    over: type[Table]
    via: str | None = None
    referred: Sequence[type[Table]] = ()
    windows: Sequence[int] = ()

    @cached_property
    def leading(self) -> list[str]:
        """Columns of a fact that lead to its entity."""
        return list(PERSON) if self._by_person else [self.entity.path(self._over, self.via)]

    def leads(self) -> DataFrame:
        """Values of these columns of all facts that have changed, that time has moved, or that refer to changes."""
        moved = self.moved_by_time()
        rows = [self.feed(self.leading), *([] if moved is None else [moved]), *self.referring()]
        return union_all([one.select(*self.leading) for one in rows])

    def feed(self, columns: Sequence[str]) -> DataFrame:
        """Changes of the facts: these columns, and `_change_type`."""
        return changes(self.context, self._over, columns, self.position)

    def keys(self, rows: DataFrame) -> DataFrame:
        """Keys of the entities that facts are about."""
        key, leading = self.entity.key, rows.select(*self.leading).distinct()
        if self._by_person:
            return as_of.people_of(self.context).join(leading, self.leading, "left_semi").select(key)
        leading = leading.withColumnRenamed(self.leading[0], self._looked_up_by)
        if self._looked_up_by == key:
            return leading.where(f"`{key}` is not null")
        keys = as_of.keys_by(self.context, self.entity, self._looked_up_by, self.context.day)
        return keys.join(leading, self._looked_up_by).select(key)

    def keys_by_ids(self) -> Iterator[DataFrame]:
        """Customers whose records have changed, and entities to which a changed row of their table leads."""
        key, by = self.entity.key, self._looked_up_by
        if self._by_person:
            yield changed_customers(self.context, self.position)
        elif by != key:
            table = self.context.catalogue.tables[self.entity.table.name]
            changed = self._changed(table, [by, key])
            if changed.count:
                others = self.context.lake.table(table).join(changed.rows.select(by), by, "left_semi")
                yield changed.rows.select(key).unionByName(others.select(key)).where(f"`{key}` is not null")

    def counts_today(self) -> str:
        """Condition of a row that is a fact on the day, and not yet replaced."""
        if self._over.layer == "gold":
            return "true"
        happened = f" and {self._before(self.context.day)}" if self._over.event_time else ""
        return f"recorded_on <= date'{self.context.day}' and replaced_on is null{happened}"

    def moved_by_time(self) -> DataFrame | None:
        """Facts that only time has moved: into what is known, past their hour, or out of a window."""
        before, day = self.position.day, self.context.day
        moved = []
        if self._over.layer == "silver":
            moved.append(" or ".join(f"({_between(name, before, day)})" for name in ("recorded_on", "replaced_on")))
        if self._over.layer == "silver" and self._over.event_time:
            moved.append(self._during(before, day))
        windows = [timedelta(days=days) for days in sorted(self.windows)]
        if windows:
            moved.append(" or ".join(f"({self._during(before - window, day - window)})" for window in windows))
        if before == day or not moved:
            return None
        # A scan for each, since an engine skips no groups of rows where columns are mixed.
        rows = self.context.lake.table(self._over)
        return union_all([rows.where(condition) for condition in moved])

    def referring(self) -> Iterator[DataFrame]:
        """Facts that refer to a changed row of a table in `referred`."""
        for table in self.referred:
            by = masters.references_to(self._over, table)
            changed = self._changed(table, list(by.values()))
            if changed.count:
                names = changed.rows.selectExpr(*(f"`{key}` as `{column}`" for column, key in by.items()))
                yield names.join(self.context.lake.table(self._over), list(by))

    @cached_property
    def _over(self) -> type[Table]:
        # A conf folder may add columns to the table.
        return self.context.catalogue.tables.get(self.over.name, self.over)

    @cached_property
    def _by_person(self) -> bool:
        return as_of.by_person(self.entity, self._over)

    @cached_property
    def _looked_up_by(self) -> str:
        """Column of the entity's table with the value by which a fact leads to it."""
        return self.entity.path_column(self._over, self.via)

    def _before(self, day: date) -> str:
        """Condition of a fact that happened before the end of a day."""
        return f"`{self._over.event_time}` < {self._start(day + timedelta(days=1))}"

    def _start(self, day: date) -> str:
        if self._over.schema()[str(self._over.event_time)].type == "date":
            return f"date'{day}'"
        return instant(datetime.combine(day, time(), self.context.settings.tzinfo))

    def _during(self, after: date, until: date) -> str:
        """Condition of a fact that happened after the end of a day, and before that of another."""
        return f"`{self._over.event_time}` >= {self._start(after + timedelta(days=1))} and {self._before(until)}"

    def _changed(self, table: type[Table], columns: Sequence[str]) -> StagedRows:
        """These columns of the rows of a master that were written since the position, or that time has moved."""
        before, day = self.position.day, self.context.day
        moved = " or ".join(f"({_between(name, before, day)})" for name in ("recorded_on", "replaced_on"))
        stored = self.context.lake.table(table).where(moved).select(*columns)
        fed = changes(self.context, table, columns, self.position).select(*columns)
        return self.context.lake.staging.stage(fed.unionByName(stored).distinct())


def _between(name: str, after: date, until: date) -> str:
    """Condition of a day after one and up to another. That it is not null lets an engine skip groups of nulls."""
    return f"`{name}` is not null and `{name}` > date'{after}' and `{name}` <= date'{until}'"
