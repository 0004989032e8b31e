"""Who had which value of a tag, feature, attribute or score on a day: counts by value, some members, all in a file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quanyu.config.settings import Settings
from quanyu.errors import ConfigError, nearest
from quanyu.grammar.entity import Entity
from quanyu.grammar.tags import profile_column
from quanyu.plurals import number_of
from quanyu.point_in_time.features_on_day import never_computed
from quanyu.point_in_time.frame import everybody_on, frame
from quanyu.point_in_time.identities import log_began
from quanyu.point_in_time.last_run import check_run
from quanyu.point_in_time.profiles import is_stored, profiles
from quanyu.run.runner import Context
from quanyu.show import grid, written

if TYPE_CHECKING:
    import pyarrow as pa
    from rich.console import Group

# Values that are counted one by one; a number with more is shown by its quantiles.
MOST_VALUES = 24
QUANTILES = {"least": 0.0, "10 % up to": 0.1, "25 % up to": 0.25, "50 % up to": 0.5, "75 % up to": 0.75,
             "90 % up to": 0.9, "greatest": 1.0}  # fmt: skip


@dataclass(frozen=True)
class TagDay:
    """Values of one name on a day: a pyarrow table of the entity's key and `value`, how it was computed, and notes."""

    name: str
    day: date
    entity: type[Entity]
    values: pa.Table
    how: str
    notes: tuple[str, ...]


def tag_on_day(settings: Settings, name: str, day: date | None, limit: int, out: Path | None) -> Group | str:
    """Show counts by value and some members, or write all to a file; without a day, that of the last run.

    Raises ConfigError for an unknown name, for a day after the last run, and without a day if there was no run.
    """
    context = Context(settings, day or date.min)
    try:
        entity = _entity_of(context, name)
        check_run(context, day)
        context.day = day or context.forward_day(f"profile.{entity.name}") or never_computed(name)
        values = values_on_day(context, entity, name)
    finally:
        context.close()
    if out is not None:
        return "\n".join([written(values.values.rename_columns([values.entity.key, name]), out), *values.notes])
    return _page(values, limit)


def values_on_day(context: Context, entity: type[Entity], name: str) -> TagDay:
    """Values of all entities that were there at the end of the context's day, sorted by key."""
    if is_stored(context, entity):
        how, notes, column = "from the table of profiles", list[str](), profile_column(name)
        rows = profiles(context, entity, [name], context.day)
    else:
        began = log_began(context) if entity.resolved else date.min
        everybody = everybody_on(context, entity, [context.day], began).withColumnRenamed("as_of", "cutoff")
        computed = frame(context, entity, everybody, [name], present=True)
        how, notes, column, rows = "computed from facts", computed.notes(), name, computed.rows
    columns = rows.selectExpr(f"`{entity.key}`", f"`{column}` as value").orderBy(entity.key)
    return TagDay(name, context.day, entity, columns.toArrow(), how, tuple(notes))


def _entity_of(context: Context, name: str) -> type[Entity]:
    catalogue, names = context.catalogue, list[str]()
    for entity in catalogue.entities.values():
        columns = catalogue.names(entity)
        if name in columns and columns[name].type:
            return entity
        names += columns
    raise ConfigError(f"there is no tag, feature, attribute or score {name!r}; {nearest(name, sorted(names))}")


def _page(values: TagDay, limit: int) -> Group:
    from rich.console import Group

    number, entity = values.values.num_rows, values.entity
    title = f"{values.name} of {number_of(number, entity.name)} as of {values.day}, {values.how}"
    members = _members(values.values)
    counts, shown = grid(_counts(values.values), title), members.slice(0, limit)
    if not shown.num_rows:
        return Group(counts, *values.notes)
    heading = f"{shown.num_rows:,} of {members.num_rows:,} {entity.plural(members.num_rows)} who have it;"
    return Group(counts, grid(shown, f"{heading} --out FILE writes the value of each"), *values.notes)


def _members(table: pa.Table) -> pa.Table:
    """Those who have it: of a condition, for whom it is true; of anything else, who has a value."""
    from pyarrow import compute, types

    value = table["value"]
    has = compute.equal(value, True) if types.is_boolean(value.type) else compute.is_valid(value)
    return table.filter(has)


def _counts(table: pa.Table) -> pa.Table:
    """Entities by value, most frequent first, or quantiles of a number with many values."""
    import pyarrow as pa
    from pyarrow import types

    value = table["value"]
    number = types.is_integer(value.type) or types.is_floating(value.type) or types.is_decimal(value.type)
    if types.is_nested(value.type):
        value = pa.chunked_array([[", ".join(map(str, one)) if one is not None else None for one in value.to_pylist()]])
    counts = value.value_counts().to_pylist()
    if number and len(counts) > MOST_VALUES:
        return _quantiles(value)
    counts = sorted(counts, key=lambda row: -row["counts"])
    rest = sum(row["counts"] for row in counts[MOST_VALUES:])
    shown = [(_word(row["values"]), row["counts"]) for row in counts[:MOST_VALUES]]
    shown += [(f"{len(counts) - MOST_VALUES:,} other values", rest)] if rest else []
    shares = [f"{count / table.num_rows:.1%}" for _, count in shown]
    return pa.table({"value": [word for word, _ in shown], "number": [n for _, n in shown], "share": shares})


def _quantiles(value: Any) -> pa.Table:
    import pyarrow as pa
    from pyarrow import compute

    numbers = compute.quantile(compute.cast(value, pa.float64()), q=list(QUANTILES.values()), interpolation="lower")
    without = value.null_count
    words, values = [*QUANTILES, "have none"], [*numbers.to_pylist(), float(without)]
    return pa.table({"of those who have a value": words, "value": [f"{one:,.12g}" for one in values]})


def _word(value: Any) -> str:
    return "unknown" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
