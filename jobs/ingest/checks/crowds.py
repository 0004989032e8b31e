"""Crowded values, which name many people in a feed: they identify nobody there, so that the next identifier does.

`crowd_measure` decides whether a value is crowded.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from jobs.ingest.checks.crowd_measure import HOUSEHOLD, Evidence, Row, is_crowd, name_of
from jobs.unify.matching.name_match import Name
from quanyu.feeds.source import Source
from quanyu.grammar.identity import Identity, Kind
from quanyu.grammar.table import Table
from quanyu.lake import Lake, place_of
from quanyu.lake.difference import has_repeats
from quanyu.lake.receipt import Receipt
from quanyu.lake.union import union_all
from quanyu.literals import quoted
from quanyu.model.identity import IdentifierCrowds
from quanyu.run.runner import Context

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

PLACE = place_of(IdentifierCrowds)
NAMES = ("display_name", "family_name", "given_name")
# SQL of kind, scope and value of a name among identifiers, and the separator of its parts.
NAME, BETWEEN = ("''", "''", "name"), "\x1f"
# One person has many of these: each installation of an app has a new one.
OF_ONE_PERSON_MANY = frozenset({"device"})


def known_crowds(lake: Lake, source: Source) -> frozenset[str]:
    """Keys of the crowded values of a feed so far."""
    if not source.person or not lake.exists(PLACE):
        return frozenset()
    rows = lake.rows(PLACE, ["source", "value_key"])
    return frozenset(key for feed, key in zip(*(rows[n].to_pylist() for n in rows.column_names), strict=True)
                     if feed == source.name)  # fmt: skip


def crowds(context: Context, source: Source, staged: DataFrame) -> pd.DataFrame:
    """Crowded values by these rows and by the feed's rows in silver: value_key, kind, scope."""
    lake, kinds = context.lake, context.catalogue.identity.kinds
    named = list(dict.fromkeys((item.kind, item.scope) for item in source.person))
    columns = _name_columns(source)
    if not named or (len(named) < 2 and not columns):
        return pd.DataFrame()
    accepted = staged.where("_drop is null and _person.person_key is not null")
    persons = accepted.selectExpr("_person.person_key as person_key")
    in_silver = lake.holds("silver/identifiers", "source", source.name)
    if not in_silver and not has_repeats(persons, ["person_key"]):
        return pd.DataFrame()
    rows, listed = _rows(accepted, source, columns), _listed(source)
    of_rows = rows.selectExpr("person_key", f"inline(array({listed}))").distinct()
    earlier = _earlier(lake, source, columns, lake.staging.materialize(persons.distinct())) if in_silver else None
    values = of_rows if earlier is None else of_rows.unionByName(earlier)
    least = min(max(kinds.get(kind, Kind()).most.names, HOUSEHOLD) for kind, _ in named)
    counted = values.where("value is not null").distinct().groupBy("person_key", "kind", "scope").count()
    suspects = lake.staging.materialize(counted.where(f"count > {least}").select("person_key").distinct())
    if not suspects.limit(1).count():
        return pd.DataFrame()
    of_suspects = [
        None if frame is None else frame.join(suspects, "person_key", "left_semi").distinct().toArrow().to_pylist()
        for frame in (rows, earlier)
    ]
    return _crowded(of_suspects[0] or [], of_suspects[1] or [], source, context.catalogue.identity)


def _name_columns(source: Source) -> dict[str, list[str]]:
    """Columns with the person's own name, by fill."""
    fills = {name: fill for name, fill in source.fills.items() if fill.table == "people" and not fill.one_row_per}
    columns = {name: [column for column in NAMES if column in fill.columns] for name, fill in fills.items()}
    return {name: some for name, some in columns.items() if some}


def _name_sql(texts: Mapping[str, list[str]]) -> str:
    """SQL of one string of full, family and given name; null if all are missing."""
    parts = [f"coalesce({', '.join([*texts.get(name, []), quoted('')])})" for name in NAMES]
    return f"nullif(concat({f', {quoted(BETWEEN)}, '.join(parts)}), {quoted(BETWEEN * (len(NAMES) - 1))})"


def _rows(accepted: DataFrame, source: Source, columns: Mapping[str, list[str]]) -> DataFrame:
    """Names and identifiers of the rows: person_key, day, name and id0, id1, …"""
    texts = {name: [f"`_to_{fill}`.`{name}`" for fill, some in columns.items() if name in some] for name in NAMES}
    ids = [f"_person.id{n} as id{n}" for n in range(len(source.person))]
    return accepted.selectExpr("_person.person_key as person_key", "_day as day", f"{_name_sql(texts)} as name", *ids)


def _listed(source: Source) -> str:
    """SQL of structs of the name and the identifiers of a row of `_rows`: kind, scope, value; a name has no kind."""
    ids = [(quoted(item.kind), quoted(item.scope), f"id{n}") for n, item in enumerate(source.person)]
    return ", ".join(
        f"struct({kind} as kind, {scope} as scope, {value} as value)" for kind, scope, value in [NAME, *ids]
    )


def _earlier(lake: Lake, source: Source, columns: Mapping[str, list[str]], persons: DataFrame) -> DataFrame:
    """Names and identifiers that silver has of these persons: person_key, kind, scope, value; names have no kind."""
    identifier_columns = ["person_key", "kind", "scope", "value"]
    feed = f"source = {quoted(source.name)}"
    frames = [lake.read("silver/identifiers").where(feed).select(*identifier_columns)]
    if columns and lake.holds("silver/people", "source", source.name):
        mapped = {name for some in columns.values() for name in some}
        name_sql = _name_sql({name: [f"`{name}`"] for name in mapped})
        frames.append(lake.read("silver/people").where(feed).selectExpr(
            "person_key", f"{NAME[0]} as kind", f"{NAME[1]} as scope", f"{name_sql} as value"
        ))  # fmt: skip
    return union_all([frame.join(persons, "person_key", "left_semi") for frame in frames])


def _crowded(
    rows: list[dict[str, Any]], earlier: list[dict[str, Any]], source: Source, identity: Identity
) -> pd.DataFrame:
    kinds = [(item.kind, item.scope) for item in source.person]
    evidence: dict[str, Evidence] = {}
    own: dict[str, tuple[str, str]] = {}
    for row in rows:
        person, ids = row["person_key"], [row[f"id{n}"] for n in range(len(kinds))]
        # The first identifier that is present gave the row its person key.
        own[person] = kinds[next(n for n, value in enumerate(ids) if value is not None)]
        others: dict[Hashable, str] = {
            kind: value for kind, value in zip(kinds, ids, strict=True)
            if value is not None and kind != own[person] and kind[0] not in OF_ONE_PERSON_MANY
        }  # fmt: skip
        evidence.setdefault(person, Evidence()).rows.append(Row(row["day"], _name(row["name"]), others))
    for item in earlier:
        person, kind = item["person_key"], (item["kind"], item["scope"])
        if not item["kind"]:
            evidence[person].names += filter(None, [_name(item["value"])])
        elif kind != own[person] and kind[0] not in OF_ONE_PERSON_MANY:
            evidence[person].values.append((kind, item["value"]))
    crowded = [
        (person, *own[person]) for person, person_evidence in evidence.items()
        if is_crowd(person_evidence, identity.kinds.get(own[person][0], Kind()).most.names)
    ]  # fmt: skip
    return pd.DataFrame(crowded, columns=["value_key", "kind", "scope"])


def _name(text: str | None) -> Name | None:
    if not text:
        return None
    display_name, family_name, given_name = (part or None for part in text.split(BETWEEN))
    return name_of((given_name, family_name, display_name))


def days_with_crowds(
    lake: Lake, source: Source, tables: Collection[type[Table]], keys: Collection[str]
) -> frozenset[date]:
    """Days of a feed with rows of these keys in silver, which have to be mapped again."""
    named = ", ".join(map(quoted, sorted(keys)))
    places = [place_of(table) for table in tables if "person_key" in table.schema()]
    parts = [
        lake.read(place).where(f"source = {quoted(source.name)} and person_key in ({named})").select("feed_day")
        for place in places if lake.exists(place)
    ]  # fmt: skip
    rows = union_all(parts).distinct().collect() if parts else []
    return frozenset(row["feed_day"] for row in rows)


def record_crowds(context: Context, source: Source, crowd: pd.DataFrame, receipt: Receipt) -> tuple[str, ...]:
    """Store crowded keys for good, so that their values identify nobody on any later day; returns notes."""
    if not len(crowd):
        return ()
    context.lake.prepare(IdentifierCrowds)
    rows = crowd.assign(source=source.name, since=context.day)[list(IdentifierCrowds.columns)]
    types = {"string": pa.string(), "date": pa.date32()}
    schema = pa.schema([(name, types[column.type]) for name, column in IdentifierCrowds.columns.items()])
    table = pa.Table.from_pandas(rows, schema, preserve_index=False)
    context.lake.upsert_rows(IdentifierCrowds, table, receipt, {"out": len(rows)})
    kinds = ", ".join(sorted(set(crowd["kind"])))
    if len(crowd) == 1:
        return (f"1 value ({kinds}) names many people and identifies nobody from now on",)
    return (f"{len(crowd):,} values ({kinds}) name many people and identify nobody from now on",)
