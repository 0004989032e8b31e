"""Names the declarations that define a column, so that a person knows what to change if two engines differ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from quanyu.discover import Catalogue
from quanyu.feeds.source import Source
from quanyu.grammar.audience import Audience
from quanyu.grammar.declaration import file_of
from quanyu.grammar.feature import Feature, FeatureView
from quanyu.grammar.table import LINEAGE, VERSIONING
from quanyu.run.runner import Step

# At most this many are listed.
MOST = 4


def origin(catalogue: Catalogue, steps: Iterable[Step], place: str, column: str, labels: Sequence[str]) -> str:
    """Name the declarations of a column with their expressions; without a column, those that define the rows.

    `labels` are the feeds, audiences or models of the rows. Without any, all declarations of the table are named.
    """
    layer, _, name = place.partition("/")
    lines = list(_declared(catalogue, layer, name, column, labels))
    if not lines:
        lines = [f"step {step.name}: {step.describes}" for step in steps if place in step.writes]
    if len(lines) > MOST:
        lines = [*lines[:MOST], f"and {len(lines) - MOST} more"]
    return "\n".join(lines) or f"the steps of {layer}"


def _declared(catalogue: Catalogue, layer: str, name: str, column: str, labels: Sequence[str]) -> Iterator[str]:
    if layer in ("bronze", "quarantine") and name in catalogue.sources:
        yield _of_feed(catalogue.sources[name], layer, column)
    elif layer == "silver":
        sources = (source for source in catalogue.sources.values() if not labels or source.name in labels)
        for source in sources:
            yield from _of_source(source, name, column)
    elif name in catalogue.views:
        yield from _of_view(catalogue, catalogue.views[name], column)
    elif name.startswith("profile_") and column.partition("__")[0] in catalogue.views:
        view, _, feature = column.partition("__")
        yield _of_feature(catalogue.views[view], feature)
    elif name.startswith("memberships_"):
        of_entity = (a for a in catalogue.audiences.values() if name == f"memberships_{a.entity}")
        yield from (_of_audience(audience) for audience in of_entity if not labels or audience.name in labels)
    elif name.startswith("scores_"):
        chosen_models = [spec for spec in catalogue.models.values() if not labels or spec.name in labels]
        yield from (f"{file_of(spec)}: {spec.name}" for spec in chosen_models)


def _of_feed(source: Source, layer: str, column: str) -> str:
    if layer == "quarantine":
        return f"{source.file}: person, drops, fills: what each expression and table requires of a row"
    if column == "_day" and source.reads.day:
        return f"{source.file}: reads.day: {source.reads.day}"
    return f"{source.file}: reads: values as they were received"


def _of_source(source: Source, table: str, column: str) -> Iterator[str]:
    """Expressions of a feed for a column, from `fills` or `person`."""
    if column == "person_key" or table == "identifiers":
        if source.person:
            values = ", ".join(f"{item.kind}: {item.value}" for item in source.person)
            yield f"{source.file}: person: {values}"
        return
    for name in source.tables().get(table, ()):
        fill = source.fills[name]
        if column in fill.columns:
            yield f"{source.file}: fills.{name}.{column}: {fill.columns[column]}"
        elif column in {**VERSIONING, **LINEAGE} or not column:
            parts = {"where": fill.where, "one_row_per": ", ".join(fill.one_row_per), "each": fill.each}
            words = "; ".join(f"{key}: {text}" for key, text in parts.items() if text)
            yield f"{source.file}: fills.{name}: {words or 'each row that passes its checks'}"


def _of_view(catalogue: Catalogue, view: type[FeatureView], part: str) -> Iterator[str]:
    """Features that a part of the view's table belongs to; the view itself for its rows."""
    names = [name for name, plan in view.plans(catalogue.tables).items() if part in plan.parts()]
    yield from (_of_feature(view, name) for name in names)
    if not names:
        yield f"{file_of(view)}: {view.__name__}: {view.entity.plural(2)} with facts"


def _of_feature(view: type[FeatureView], name: str) -> str:
    return f"{file_of(view)}: {view.__name__}.{name}: {_feature(view, view.features[name])}"


def _feature(view: type[FeatureView], feature: Feature) -> str:
    window, conditions = view.window(feature), [text for text in (view.where, feature.where) if text]
    where = f" where {' and '.join(f'({text})' for text in conditions)}" if conditions else ""
    return f"{feature.expression}{where}" + (f" within {window} days" if window else "")


def _of_audience(audience: Audience) -> str:
    measures = "".join(f"; {name}: {m.value} over {m.over}" + (f" where {m.where}" if m.where else "")
                       for name, m in audience.measures.items())  # fmt: skip
    return f"{audience.file}: who: {audience.who}{measures}"
