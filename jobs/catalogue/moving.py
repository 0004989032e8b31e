"""Which numbers move with the day by themselves, such as the days since something: that they drift says nothing."""

from __future__ import annotations

from sqlglot import exp

from quanyu.discover import Catalogue
from quanyu.expressions import parse
from quanyu.expressions.grammar import column_name
from quanyu.grammar.entity import Entity

AS_OF = "as_of"


def moving_names(catalogue: Catalogue, entity: type[Entity]) -> set[str]:
    """Features and tags of an entity that take the day into their number, and tags whose number is made of those.

    A feature with a window stays within it. What only compares with the day, such as a count of rows by a condition,
    or is cut into classes, is a state, and a change of its share is worth a warning.
    """
    moving = {
        f"{view.name}.{name}"
        for view in catalogue.views_of(entity)
        for name, feature in view.features.items()
        if view.window(feature) is None and AS_OF in _computed_with(feature.expression)
    }
    # Each tag comes after its inputs.
    for name, tag in catalogue.tags_of(entity).items():
        if tag.value and _computed_with(tag.value) & {AS_OF, *moving}:
            moving.add(name)
    return moving


def _computed_with(text: str) -> set[str]:
    """Columns of an expression that are not only compared with something."""
    columns = parse(text).tree.find_all(exp.Column)
    return {column_name(column) for column in columns if column.find_ancestor(exp.Predicate) is None}
