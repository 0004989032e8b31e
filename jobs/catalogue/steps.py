"""The steps of the catalogue: statistics of every tag after the profiles, and the history of definitions."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import date
from typing import Any

from jobs.catalogue import history
from jobs.catalogue.drift import REFERENCE_DAYS, REFERENCE_VALID, continues, drift, has_drifted, unmeasured
from jobs.catalogue.facts import DriftFacts
from jobs.catalogue.moving import moving_names
from jobs.catalogue.statistics import statistics
from quanyu.catalogue.definitions import computed_digests, definitions
from quanyu.discover import Catalogue
from quanyu.grammar.entity import Entity
from quanyu.grammar.tags import profile_column
from quanyu.lake import place_of
from quanyu.lake.receipt import Receipt
from quanyu.model.statistics import Definitions, TagStatistics
from quanyu.run import audience_days
from quanyu.run.runner import Context, Outcome, Step

STATISTICS, DEFINITIONS = place_of(TagStatistics), place_of(Definitions)
# Columns of a profile that are read at once.
COLUMNS_AT_ONCE = 16


def steps(catalogue: Catalogue) -> list[Step]:
    """List both steps."""
    profiles = tuple(f"gold/profile_{name}" for name in catalogue.entities if f"profile_{name}" in catalogue.tables)
    return [
        Step(
            "tag_statistics", "catalogue", profiles, (STATISTICS,), "", write_statistics,
            "Coverage, distribution and drift of every tag and feature, by day.", as_of=True, forward=True,
            inputs=lacking,
        ),
        Step(
            "definitions", "catalogue", (), (DEFINITIONS,), "", history.write,
            "What each tag, feature, model, metric, audience and journey meant, from when until when.", forward=True,
            inputs=_digests,
        ),
    ]  # fmt: skip


def _digests(context: Context) -> Mapping[str, str]:
    return {f"{one.kind} {one.name}": one.digest() for one in definitions(context.catalogue)}


def lacking(context: Context) -> dict[str, str]:
    """Entities whose profile is not of the day, each with what it lacks."""
    names = [name for name in context.catalogue.entities if f"profile_{name}" in context.catalogue.tables]
    words = {name: audience_days.steps_not_current(context, [f"profile.{name}"]) for name in names}
    return {name: lacks for name, lacks in words.items() if lacks}


def write_statistics(context: Context, receipt: Receipt) -> Outcome:
    """Write the day's statistics of every entity whose profile is of the day."""
    import pyarrow as pa

    lacks = lacking(context)
    rows = [
        row
        for name, entity in context.catalogue.entities.items()
        if f"profile_{name}" in context.catalogue.tables and name not in lacks
        for row in _rows(context, entity)
    ]
    context.lake.prepare(TagStatistics)
    schema = context.lake.arrow(STATISTICS).schema
    context.lake.upsert_rows(TagStatistics, pa.Table.from_pylist(rows, schema), receipt, {"out": len(rows)})
    drifted = {f"{row['entity']} {row['tag']}": round(row["drift"], 3) for row in rows if has_drifted(row)}
    notes = tuple(f"no statistics of {name} for the day: {words}" for name, words in lacks.items())
    return Outcome(len(rows), len(rows), notes=notes, facts=DriftFacts(drifted), run_again=bool(lacks))


def _rows(context: Context, entity: type[Entity]) -> Iterator[Mapping[str, Any]]:
    """A row for each name of an entity. Few columns are in memory at a time, and no engine is needed."""
    place = f"gold/profile_{entity.name}"
    profile = context.lake.arrow(place)
    names = {
        name: c for name, c in context.catalogue.names(entity).items() if profile_column(name) in profile.schema.names
    }
    digests = computed_digests(context.catalogue, entity)
    earlier, moving = _earlier(context, entity), moving_names(context.catalogue, entity)
    listed = list(names)
    for start in range(0, len(listed), COLUMNS_AT_ONCE):
        some = listed[start : start + COLUMNS_AT_ONCE]
        table = profile.to_table(columns=[profile_column(name) for name in some])
        for name in some:
            before = earlier.get(name, [])
            key = {"entity": entity.name, "tag": name, "day": context.day}
            key["definition_digest"] = digests[name]
            values = table[profile_column(name)]
            yield next_row(key, values, before, name in moving, names[name].values)


def next_row(
    key: dict[str, Any], values: Any, earlier: list[Mapping[str, Any]], moves: bool = False,
    declared: Collection[str] = (),
) -> dict[str, Any]:  # fmt: skip
    """The row of a day, by its key and the column's values, after those of earlier days, which are in order.

    `moves` says whether the day alone changes its number: then no drift is measured. `declared` are the values that the
    column declares.
    """
    last = earlier[-1] if earlier else None
    if last is not None and continues(last, key["definition_digest"], key["day"]):
        row = {**key, "reference_from": last["reference_from"], **statistics(values, last["edges"], declared)}
    else:
        row = {**key, "reference_from": key["day"], **statistics(values, None, declared)}
    week = [one for one in earlier if one["reference_from"] == row["reference_from"]
            and (one["day"] - row["reference_from"]).days < REFERENCE_DAYS]  # fmt: skip
    compared = not any(unmeasured(one, moves) for one in (row, *week))
    row["drift"], row["drift_by_chance"] = drift(row, week) if compared else (None, None)
    return row


def _earlier(context: Context, entity: type[Entity]) -> dict[str, list[Mapping[str, Any]]]:
    """Rows of earlier days that a reference week may contain, by name and in order."""
    from pyarrow import compute as pc

    if not context.lake.exists(STATISTICS):
        return {}
    since: date = context.day - REFERENCE_VALID
    where = (pc.field("entity") == entity.name) & (pc.field("day") >= since) & (pc.field("day") < context.day)
    by_name: dict[str, list[Mapping[str, Any]]] = {}
    for row in sorted(context.lake.rows(STATISTICS, where=where).to_pylist(), key=lambda row: row["day"]):
        by_name.setdefault(row["tag"], []).append(row)
    return by_name
