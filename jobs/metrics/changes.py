"""From which day on metrics have to be computed: the days since the last run, and earlier ones whose facts changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from jobs.metrics.gaps import INCOMPLETE
from jobs.metrics.plans import Cut, MetricPlans
from jobs.metrics.rows import days_of, time_of
from quanyu.errors import ConfigError
from quanyu.expressions import parse
from quanyu.grammar.declaration import digest
from quanyu.grammar.metrics.metric import ValidTime
from quanyu.grammar.table import Table
from quanyu.identifiers.valid import PERSON
from quanyu.lake import place_of
from quanyu.model.metrics import Metrics
from quanyu.point_in_time import as_of, masters
from quanyu.run.runner import Context

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

STEP, PLACE = "metrics", place_of(Metrics)


@dataclass(frozen=True)
class Start:
    """First day to compute, and in words why."""

    day: date
    reason: str


def start_of(context: Context, plans: MetricPlans) -> Start:
    """The first day to compute: that after the last run's, or an earlier one whose facts have changed since."""
    oldest = context.day - timedelta(days=context.settings.metric_days - 1)
    record = context.store.unchanged_runs.load(STEP, "")
    words = _obstacle(context, record)
    if record is None or words:
        return Start(oldest, f"{context.settings.metric_days} days computed in full: {words}")
    last = date.fromisoformat(record["day"])
    versions = record["depends"]["inputs"]
    days = [min(last + timedelta(days=1), context.day), *_incomplete_days(context)]
    for cut in plans.cuts:
        if not cut.is_profile:
            changed = list(_changed_days(context, cut, versions))
            if None in changed:
                return Start(oldest, f"computed in full: the changes of {cut.table.name} have expired")
            days += [day for day in changed if day]
    first = max(min(days), oldest)
    return Start(first, f"computed from {first} on" if first != context.day else "")


def _obstacle(context: Context, record: Any) -> str:
    """Why the last run says nothing of what has changed since; empty if it does."""
    version = context.lake.version(PLACE)
    step = context.step(STEP)
    if context.full:
        return "--full"
    if record is None or version is None:
        return "it has not run yet"
    if record["wrote"].get(PLACE) != version:
        return "its last run did not end"
    if record["depends"].get("definition") != step.fingerprint():
        return "a declaration or code has changed"
    if record["parts"].get("tables") != digest(tables_behind(context, step.reads)):
        return "a table was rebuilt, or the time zone or the range has changed"
    return ""


def tables_behind(context: Context, places: Iterable[str]) -> dict[str, Any]:
    """Ids of tables, which change when a table is rebuilt and counts its versions anew; and when a day begins."""
    opened = {place: context.lake.delta(place) for place in places}
    ids = {place: str(table.metadata().id) if table else None for place, table in opened.items()}
    return {**ids, "zone": context.settings.zone, "metric_days": context.settings.metric_days}


def _incomplete_days(context: Context) -> list[date]:
    """Days whose facts were not complete when they were computed last."""
    from pyarrow import compute

    rows = context.lake.rows(PLACE, ["day"], compute.starts_with(compute.field("reason"), INCOMPLETE))
    return list(compute.unique(rows["day"]).to_pylist())


def _changed_days(context: Context, cut: Cut, versions: Mapping[str, int | None]) -> Iterator[date | None]:
    """The first day of rows that have changed since versions of the tables; null if these changes have expired."""
    table = cut.table
    versioned = [*table.identity(), "recorded_on", "replaced_on"]
    columns = list(dict.fromkeys([*(versioned if table.layer == "silver" else table.columns), *_columns_of_days(cut)]))
    rows = _changes(context, table, versions, columns)
    if rows is None:
        yield None
        return
    yield from _days(rows, _columns_of_days(cut), context.settings.zone)
    for name in cut.referred():
        if context.lake.version(f"silver/{name}") != versions.get(f"silver/{name}"):
            yield from _days_of_referring(context, cut, context.catalogue.tables[name], versions)
    if cut.by_customer and context.lake.version(as_of.IDENTITIES) != versions.get(as_of.IDENTITIES):
        yield from _days_of_moved(context, cut, versions)


def _changes(
    context: Context, table: type[Table], versions: Mapping[str, int | None], columns: Sequence[str]
) -> pa.Table | None:  # fmt: skip
    """Rows that were added or removed since a version, without those that were only written again; None if expired."""
    import pyarrow as pa
    from pyarrow import compute

    place = place_of(table)
    rows = context.lake.changes(place, versions.get(place), columns)
    if rows is None:
        return None
    added = compute.is_in(rows["_change_type"].cast(pa.string()), pa.array(["insert", "update_postimage"]))
    signed = rows.append_column("_sign", compute.if_else(added, 1, -1))
    # Arrow groups by no nested columns, and by no views of texts, as deltalake gives them.
    texts = {f.name: pa.string() for f in rows.schema if pa.types.is_string_view(f.type)}
    signed = signed.cast(pa.schema([f.with_type(texts.get(f.name, f.type)) for f in signed.schema]))
    plain = [name for name in columns if name in rows.column_names and not pa.types.is_nested(rows[name].type)]
    totals = signed.group_by(plain).aggregate([("_sign", "sum")])
    return totals.filter(compute.not_equal(totals["_sign_sum"], 0))


def _columns_of_days(cut: Cut) -> list[str]:
    """Columns whose earliest value is the first day that a row may count on."""
    if cut.valid == "recorded":
        return ["recorded_on", "replaced_on"]
    return [cut.valid.since, cut.valid.until] if isinstance(cut.valid, ValidTime) else [time_of(cut)]


def _days(rows: pa.Table, columns: Sequence[str], zone: str) -> Iterator[date]:
    """The earliest day in the columns of changed rows."""
    from pyarrow import compute, types

    for name in columns:
        if name not in rows.column_names or not rows.num_rows:
            continue
        least = compute.min(rows[name]).as_py()
        if least is not None:
            yield least.astimezone(ZoneInfo(zone)).date() if types.is_timestamp(rows[name].type) else least


def _days_of_referring(
    context: Context, cut: Cut, other: type[Table], versions: Mapping[str, int | None]
) -> Iterator[date | None]:
    """The first day of rows that refer to a row whose named columns have changed."""
    place, by = place_of(other), masters.references_to(cut.table, other)
    keys, columns = list(by.values()), _named(cut, other)
    before, now = versions.get(place), context.lake.version(place)
    try:
        earlier = _values(context, place, before, keys, columns) if before is not None else {}
    except ConfigError:
        yield None
        return
    later = _values(context, place, now, keys, columns)
    changed = [key for key in {*earlier, *later} if earlier.get(key) != later.get(key)]
    if changed:
        schema = ", ".join(f"`{name}` string" for name in by)
        chosen = context.lake.spark.createDataFrame(changed, schema)
        yield from _day_of(context.lake.table(cut.table).join(chosen, list(by), "left_semi"), cut)


def _named(cut: Cut, other: type[Table]) -> list[str]:
    """Columns of another table on which the metrics of a cut depend, also by way of its named conditions."""
    prefix = f"{other.name}."
    names = {name.removeprefix(prefix) for plan in cut.plans for name in plan.columns() if name.startswith(prefix)}
    conditions = [other.conditions[name].sql for name in names & set(other.conditions)]
    return sorted(names - set(other.conditions) | {name for text in conditions for name in parse(text).columns})


def _values(
    context: Context, place: str, version: int | None, keys: list[str], columns: list[str]
) -> dict[tuple[str, ...], Any]:  # fmt: skip
    """Values of the newest version of each row of a table, by its key."""
    wanted = list(dict.fromkeys([*keys, "recorded_on", "replaced_on", *columns]))
    rows = context.lake.arrow(place, version).to_table(columns=wanted).to_pandas()
    rows = rows.sort_values(["replaced_on", "recorded_on"], na_position="last", kind="stable")
    newest = rows.drop_duplicates(keys, keep="last")
    values = newest[columns].astype(str).itertuples(index=False, name=None)
    return dict(zip(newest[keys].itertuples(index=False, name=None), values, strict=True))


def _days_of_moved(context: Context, cut: Cut, versions: Mapping[str, int | None]) -> Iterator[date | None]:
    """The first day of facts of persons whose customer has changed."""
    identities = context.catalogue.tables["identities"]
    rows = _changes(context, identities, versions, list(identities.columns))
    if rows is None:
        yield None
    elif rows.num_rows:
        persons = context.lake.spark.createDataFrame(rows.select(list(PERSON)).to_pandas().drop_duplicates())
        yield from _day_of(context.lake.table(cut.table).join(persons, list(PERSON), "left_semi"), cut)


def _day_of(rows: DataFrame, cut: Cut) -> Iterator[date]:
    day = _earliest(rows, cut)
    if day is not None:
        yield day


def _earliest(rows: DataFrame, cut: Cut) -> date | None:
    """First day on which one of some rows of a table counts."""
    begin, _ = days_of(cut)
    row = rows.selectExpr(f"min({begin}) as day").collect()[0]
    return row["day"]  # type: ignore[no-any-return]


def first_day(context: Context, cut: Cut) -> date | None:
    """First day on which a row of a cut counts; null for an empty table."""
    if cut.is_profile:
        return context.day
    return _earliest(context.lake.table(context.catalogue.tables[cut.table.name]), cut)
