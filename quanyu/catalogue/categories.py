"""Of which sensitive categories a name of a rule is: by its own declaration, or by what it is made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from quanyu.discover import Catalogue
from quanyu.errors import ExpressionError
from quanyu.expressions import parse
from quanyu.grammar.audience import Measure
from quanyu.grammar.entity import Entity
from quanyu.grammar.feature import FeatureView
from quanyu.grammar.names import inputs_of
from quanyu.grammar.platforms.categories import Category
from quanyu.grammar.row_expressions import reach
from quanyu.grammar.table import Column


def categories_behind(catalogue: Catalogue, entity: type[Entity], names: Iterable[str]) -> dict[str, set[Category]]:
    """Categories by name, of the names of rules and of all that these are made of: tags, scores, features, attributes.

    A name has those that it declares, or that its view or scene does, and those of the columns that it is computed of.
    Names of none are left out.
    """
    tags, waiting, visited = catalogue.tags_of(entity), [*names], set[str]()
    categories: dict[str, set[Category]] = {}
    while waiting:
        name = waiting.pop()
        if name in visited:
            continue
        visited.add(name)
        owner, _, own = name.partition(".")
        if name in tags:
            waiting += tags[name].inputs()
        elif owner in catalogue.models:
            waiting += inputs_of(catalogue.models[owner])
        if declared := {*_declared(catalogue, entity, owner, own)}:
            categories[name] = declared
    return categories


def categories_of_measure(catalogue: Catalogue, measure: Measure) -> set[Category]:
    """Categories of the columns that an audience's own measure names."""
    texts = [measure.value, measure.where, *(text for one in measure.after.values() for text in (one.of, one.where))]
    return _of_columns(texts, reach(catalogue.tables[measure.over], catalogue.tables))


def _declared(catalogue: Catalogue, entity: type[Entity], owner: str, name: str) -> Iterator[Category]:
    if owner in catalogue.views and name in catalogue.views[owner].features:
        view = catalogue.views[owner]
        yield from filter(None, [view.category, view.features[name].category])
        yield from _of_columns(_texts(view, name), reach(view.over, catalogue.tables))
    elif owner == entity.name:
        columns = entity.attributes(catalogue.tables)
        yield from filter(None, [columns[name].category if name in columns else None])
    elif owner in catalogue.tags:
        file = catalogue.tags[owner]
        yield from filter(None, [file.category, file.tags[name].category if name in file.tags else None])


def _texts(view: type[FeatureView], name: str) -> Iterator[str | None]:
    """Expressions that a feature is computed by, of its groups and derived columns those that it names."""
    feature = view.features[name]
    yield from (feature.expression, feature.where, view.where)
    named = {column for text in (feature.expression, feature.where) if text for column in parse(text).columns}
    if view.groups is not None:
        texts = {**view.groups.by, **view.groups.values}
        yield from (text for column, text in texts.items() if column in named)
        named |= {column for text in texts.values() for column in parse(text).columns}
    for column, derived in view.derived.items():
        if column in named:
            yield derived.of
            yield getattr(derived, "where", None)


def _of_columns(texts: Iterable[str | None], columns: Mapping[str, Column]) -> set[Category]:
    categories: set[Category] = set()
    for text in filter(None, texts):
        try:
            named = parse(text).columns
        except ExpressionError:
            # It is reported by the check of its own declaration.
            continue
        categories |= {category for name in named if name in columns and (category := columns[name].category)}
    return categories
