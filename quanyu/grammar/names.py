"""What rules may name of an entity: features, attributes, scores and tags, and the order in which tags are computed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter

from quanyu.expressions import ExpressionError, parse
from quanyu.grammar.entity import Entity
from quanyu.grammar.feature import FeatureView
from quanyu.grammar.model_spec import ModelSpec
from quanyu.grammar.table import Column, Table
from quanyu.grammar.tags import Tag, is_tag_name


def names_of(
    entity: type[Entity], views: Iterable[type[FeatureView]], models: Iterable[type[ModelSpec]],
    tags: Mapping[str, Tag], tables: Mapping[str, type[Table]],
) -> dict[str, Column]:  # fmt: skip
    """Columns by name: `view.feature`, `entity.attribute`, `model.column`, `scene.tag`.

    `tags` are in the order of `in_dependency_order`. The type is empty where a declaration is invalid or retired.
    """
    names = {f"{view.name}.{name}": column for view in views for name, column in view.names(tables).items()}
    names |= {f"{entity.name}.{name}": column for name, column in entity.attributes(tables).items()}
    names |= {f"{spec.name}.{name}": column for spec in models for name, column in spec.score_columns().items()}
    for name, tag in tags.items():
        names[name] = Column("", tag.means)
        if tag.lifecycle != "retired" and is_tag_name(name.partition(".")[2]):
            with contextlib.suppress(ExpressionError):
                names[name] = tag.column(names)
    return names


def inputs_of(spec: type[ModelSpec]) -> list[str]:
    """Names that a model's scores depend on."""
    baseline = [spec.baseline.feature] if spec.baseline else []
    with contextlib.suppress(ExpressionError):
        return list(dict.fromkeys([*spec.features, *parse(spec.population or "true").columns, *baseline]))
    return list(spec.features)


def in_dependency_order(tags: Mapping[str, Tag], models: Mapping[str, type[ModelSpec]]) -> dict[str, Tag]:
    """Tags in an order in which each follows those that it is made of, also by way of a model.

    Where there are circles, which are mistakes, each is cut before its first name.
    """
    order, _ = _ordered(tags, models)
    return {name: tags[name] for name in order if name in tags}


def circles(tags: Mapping[str, Tag], models: Mapping[str, type[ModelSpec]]) -> list[list[str]]:
    """Names that are made of each other in a circle, each before what it is made of, and the first again at the end.

    Each circle begins with a tag if it has one.
    """
    _, circular = _ordered(tags, models)
    return circular


def _ordered(
    tags: Mapping[str, Tag], models: Mapping[str, type[ModelSpec]]
) -> tuple[list[str], list[list[str]]]:  # fmt: skip
    """All names, each after its inputs, and the circles that were cut for it."""
    inputs = {name: tag.inputs() for name, tag in tags.items()}
    inputs |= {f"{name}.{column}": inputs_of(spec) for name, spec in models.items() for column in spec.score_columns()}
    circular: list[list[str]] = []
    while True:
        try:
            return [*TopologicalSorter(inputs).static_order()], circular
        except CycleError as error:
            circle = _from_first(error.args[1][:0:-1], tags)
            circular.append(circle)
            inputs[circle[0]] = [name for name in inputs[circle[0]] if name not in circle]


def _from_first(circle: list[str], tags: Mapping[str, Tag]) -> list[str]:
    first = circle.index(min(circle, key=lambda name: (name not in tags, name)))
    return [*circle[first:], *circle[: first + 1]]


def with_inputs(names: Iterable[str], tags: Mapping[str, Tag]) -> list[str]:
    """The names, and what tags among them are made of, each once."""
    closure: dict[str, None] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop(0)
        if name not in closure:
            closure[name] = None
            waiting += tags[name].inputs() if name in tags else []
    return list(closure)
