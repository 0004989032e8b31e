"""Recomputes a sample of stored profiles of a past day from facts, and compares them value by value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from jobs.verify.columns import differing, plain_text
from jobs.verify.origin import origin
from quanyu.errors import ConfigError
from quanyu.grammar.entity import Entity
from quanyu.grammar.tags import profile_column
from quanyu.lake import place_of
from quanyu.point_in_time.frame import frame
from quanyu.run.runner import Context

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class SampleComparison:
    """Entities that were compared, values each has, and for each name that differs: entities, and its declaration."""

    entity: type[Entity]
    entities: int
    values: int
    differences: Mapping[str, tuple[int, str]]
    notes: tuple[str, ...]


def compare_samples(context: Context, number: int) -> list[SampleComparison]:
    """Compare up to `number` stored profiles of each entity, as they were after the run of the context's day.

    They are computed again from facts as known on that day, with identities as valid then. Raises ConfigError if no
    profile was written for the day.
    """
    catalogue, day = context.catalogue, context.day
    versions = {entity: _version(context, entity) for name, entity in catalogue.entities.items()
                if f"profile_{name}" in catalogue.tables}  # fmt: skip
    if not any(version is not None for version in versions.values()):
        raise ConfigError(f"no profile was written for {day}, so there is nothing to compare; run it first")
    return [_compared(context, entity, version, number) for entity, version in versions.items() if version is not None]


def _place(context: Context, entity: type[Entity]) -> str:
    return place_of(context.catalogue.tables[f"profile_{entity.name}"])


def _version(context: Context, entity: type[Entity]) -> int | None:
    """Version of the entity's profiles that the run of the day wrote last; None if it wrote none."""
    place, step = _place(context, entity), f"profile.{entity.name}"
    history = context.lake.history(place) if context.lake.exists(place) else []
    written = (commit for commit in history if commit["receipt"] and commit["receipt"]["job"] == step)
    return next((c["version"] for c in written if c["receipt"]["day"] == context.day.isoformat()), None)


def _compared(context: Context, entity: type[Entity], version: int, number: int) -> SampleComparison:
    stored = _sample(context, entity, version, number)
    names = [name for name, column in context.catalogue.names(entity).items()
             if column.type and profile_column(name) in stored.column_names]  # fmt: skip
    spine = context.lake.staging.stage_arrow(
        context.lake.spark, stored.select([entity.key]), f"`{entity.key}` string"
    ).rows
    result = frame(context, entity, spine.selectExpr("*", f"date'{context.day}' as cutoff"), names)
    computed = plain_text(result.rows.toArrow()).sort_by(entity.key)
    counts = {name: _differing(stored[profile_column(name)], computed[name]) for name in names}
    steps, place = list(context.steps.values()), _place(context, entity)
    origins = {
        name: (count, origin(context.catalogue, steps, place, profile_column(name), ()))
        for name, count in counts.items()
        if count
    }
    return SampleComparison(entity, stored.num_rows, len(names), origins, tuple(result.notes()))


def _sample(context: Context, entity: type[Entity], version: int, number: int) -> pa.Table:
    """Rows of some stored profiles, sorted by key: the same entities whenever the day is compared."""
    dataset = context.lake.arrow(_place(context, entity), version)
    keys = dataset.to_table(columns=[entity.key]).column(0).to_pylist()
    order = sorted(range(len(keys)), key=keys.__getitem__)
    chosen = np.random.default_rng(context.day.toordinal()).permutation(len(order))[:number]
    return plain_text(dataset.take([order[place] for place in chosen])).sort_by(entity.key)


def _differing(stored: Any, computed: Any) -> int:
    """Number of values that differ; the column of the file says the type."""
    return int(differing(stored, computed.cast(stored.type)).sum())


def lines(comparisons: list[SampleComparison]) -> Iterator[str]:
    """Sentences about the samples, without a value of a row."""
    for one in comparisons:
        plural = one.entity.plural(one.entities)
        yield f"{one.entities:,} {plural}, {one.values} values each: " + (
            f"{len(one.differences)} differ" if one.differences else "all as computed from facts"
        )
        for name, (count, declared) in one.differences.items():
            yield f"  {name} differs for {count:,}: {declared}"
        yield from (f"  {note}" for note in one.notes)
