"""Values that name many people in a feed: they name nobody there any more, so that the next identifier of a row does.

What a kind's `most.names` allows is the measure: a value under which more names and more values of another kind stand
is nobody's, and without names in the feed one under which more values stand than `most.records`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from datetime import date
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa

from jobs.unify import normalise
from quanyu.identity import Identity, Kind
from quanyu.lake import Lake, place_of
from quanyu.lake.difference import has_repeats
from quanyu.lake.receipt import Receipt
from quanyu.lake.union import union_all
from quanyu.literals import quoted
from quanyu.model.identity import IdentifierCrowds
from quanyu.run import Context
from quanyu.settings import person_key_secret
from quanyu.source import Source
from quanyu.table import Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

PLACE = place_of(IdentifierCrowds)
NAMES = ("display_name", "family_name", "given_name")


def known(lake: Lake, source: Source) -> frozenset[str]:
    """Keys of the values that named many people in a feed so far."""
    if not source.person or not lake.exists(PLACE):
        return frozenset()
    rows = lake.rows(PLACE, ["source", "value_key"])
    return frozenset(key for feed, key in zip(*(rows[n].to_pylist() for n in rows.column_names), strict=True)
                     if feed == source.name)  # fmt: skip


def crowds(context: Context, source: Source, staged: DataFrame) -> pd.DataFrame:
    """Values that name many people by these rows, and by all that silver knows of them: value_key, kind, scope."""
    lake, identity = context.lake, context.catalogue.identity
    kinds = list(dict.fromkeys((item.kind, item.scope) for item in source.person))
    if len(kinds) < 2:
        return pd.DataFrame()
    accepted = staged.where("_drop is null and _person.person_key is not null")
    persons = lake.staging.keep(accepted.selectExpr("_person.person_key as person_key").distinct())
    there = lake.holds("silver/identifiers", "source", source.name)
    if not there and not has_repeats(accepted.selectExpr("_person.person_key as person_key"), ["person_key"]):
        return pd.DataFrame()
    shown = _shown(lake, source, accepted, persons, there)
    most = [identity.kinds.get(kind, Kind()).most for kind, _ in kinds]
    crowded = shown.groupBy("person_key", "kind", "scope").count().where(f"count > {min(m.names for m in most)}")
    suspects = lake.staging.keep(crowded.select("person_key").distinct())
    if not suspects.limit(1).count():
        return pd.DataFrame()
    values = shown.join(suspects, "person_key", "left_semi").toArrow().to_pandas()
    names = _names(lake, source, accepted, suspects)
    return _judged(values, names, source, identity, person_key_secret(context.settings))


def _shown(lake: Lake, source: Source, accepted: DataFrame, persons: DataFrame, there: bool) -> DataFrame:
    """Identifiers that these persons ever showed in the feed, each once: person_key, kind, scope, value."""
    listed = ", ".join(
        f"struct({quoted(item.kind)} as kind, {quoted(item.scope)} as scope, _person.id{n} as value)"
        for n, item in enumerate(source.person)
    )
    columns = ["person_key", "kind", "scope", "value"]
    rows = accepted.selectExpr("_person.person_key as person_key", f"inline(array({listed}))").where(
        "value is not null"
    )
    if there:
        before = lake.read("silver/identifiers").where(f"source = {quoted(source.name)}").select(*columns)
        rows = rows.unionByName(before.join(persons, "person_key", "left_semi"))
    return rows.distinct()


def _names(lake: Lake, source: Source, accepted: DataFrame, suspects: DataFrame) -> pd.Series | None:
    """How many names each suspect ever had, by person_key; None where the feed tells none."""
    fills = [name for name, fill in source.fills.items() if fill.table == "people" and not fill.one_row_per]
    columns = [(name, column) for name in fills for column in NAMES if column in source.fills[name].columns]
    if not columns:
        return None
    text = ", ".join(f"`_to_{name}`.`{column}`" for name, column in columns)
    rows = accepted.selectExpr("_person.person_key as person_key", f"lower(concat_ws(' ', {text})) as name")
    if lake.holds("silver/people", "source", source.name):
        before = lake.read("silver/people").where(f"source = {quoted(source.name)}")
        stored = ", ".join(f"`{column}`" for _, column in columns)
        rows = rows.unionByName(before.selectExpr("person_key", f"lower(concat_ws(' ', {stored})) as name"))
    told: pd.DataFrame = (
        rows.join(suspects, "person_key", "left_semi").where("name <> ''").distinct().toArrow().to_pandas()
    )
    names: pd.Series = told.groupby("person_key").size()
    return names


def _judged(
    values: pd.DataFrame, names: pd.Series | None, source: Source, identity: Identity, key: bytes
) -> pd.DataFrame:
    crowded = []
    for person, shown in values.groupby("person_key"):
        named = list(zip(shown["kind"], shown["scope"], shown["value"], strict=True))
        own = [row[:2] for row in named if normalise.keyed(key, source.name, *row) == person]
        if not own:
            continue
        [(kind, scope)] = own
        most = identity.kinds.get(kind, Kind()).most
        others = Counter((other, within) for other, within, _ in named if (other, within) != (kind, scope))
        allowed = most.records if names is None else most.names
        if max(others.values(), default=0) > allowed and (names is None or names.get(person, 0) > most.names):
            crowded.append((person, kind, scope))
    return pd.DataFrame(crowded, columns=["value_key", "kind", "scope"])


def days_of(lake: Lake, source: Source, tables: Collection[type[Table]], keys: Collection[str]) -> frozenset[date]:
    """Days of a feed of which silver has anything under these keys: their rows are named anew."""
    named = ", ".join(map(quoted, sorted(keys)))
    held = [place_of(table) for table in tables if "person_key" in table.schema()]
    parts = [
        lake.read(place).where(f"source = {quoted(source.name)} and person_key in ({named})").select("feed_day")
        for place in held if lake.exists(place)
    ]  # fmt: skip
    rows = union_all(parts).distinct().collect() if parts else []
    return frozenset(row["feed_day"] for row in rows)


def remember(context: Context, source: Source, crowd: pd.DataFrame, receipt: Receipt) -> tuple[str, ...]:
    """Keep the keys for good, so that a value which named many people names nobody on any later day; returns notes."""
    if not len(crowd):
        return ()
    context.lake.prepare(IdentifierCrowds)
    rows = crowd.assign(source=source.name, since=context.day)[list(IdentifierCrowds.columns)]
    types = {"string": pa.string(), "date": pa.date32()}
    schema = pa.schema([(name, types[column.type]) for name, column in IdentifierCrowds.columns.items()])
    made = pa.Table.from_pandas(rows, schema, preserve_index=False)
    context.lake.upsert_rows(IdentifierCrowds, made, receipt, {"out": len(rows)})
    kinds = ", ".join(sorted(set(crowd["kind"])))
    return (f"{len(crowd)} values ({kinds}) name many people, and nobody from now on",)
