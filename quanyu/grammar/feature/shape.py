"""What is wrong with the shape of a view: names, windows, types, texts, before expressions are checked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from quanyu.errors import nearest
from quanyu.grammar.bounds import days_error
from quanyu.grammar.declaration import NAME
from quanyu.grammar.lifecycle import LIFECYCLES
from quanyu.grammar.platforms.categories import CATEGORIES
from quanyu.grammar.table import TYPE
from quanyu.model.people import PURPOSES

if TYPE_CHECKING:
    from quanyu.grammar.feature.view import FeatureView


def shape_problems(view: type[FeatureView]) -> Iterator[tuple[str, str]]:
    """Yield mistakes in names, windows, types and descriptions, before expressions are checked."""
    windows = {name: f.within for name, f in view.features.items() if f.windowed}
    for key, window in {"within": view.within, **windows}.items():
        if window is not None and (words := days_error(window)):
            yield key, f"within {window!r} is not allowed: days(N), where {words}, or None for all time"
    if view.lifecycle not in LIFECYCLES:
        yield "lifecycle", f"{view.lifecycle!r} is none of {', '.join(LIFECYCLES)}"
    if view.purpose is not None and view.purpose not in PURPOSES:
        yield "purpose", f"{view.purpose!r} is no purpose of consent; {nearest(view.purpose, PURPOSES)}"
    if view.purpose is not None and not view.entity.resolved:
        yield "purpose", f"is consent, which customers give, and a {view.entity.name} does not"
    declared = {"category": view.category, **{name: feature.category for name, feature in view.features.items()}}
    for key, category in declared.items():
        if category is not None and category not in CATEGORIES:
            yield key, f"{category!r} is no category of sensitive facts; {nearest(category, CATEGORIES)}"
    own = view.entity.by()
    for name, feature in view.features.items():
        if not NAME.match(name) or "__" in name or name in own:
            yield name, f"is no name for a feature: lower case letters, digits and single _, not {' or '.join(own)}"
        if not feature.about.strip():
            yield name, "needs a text that says what it means"
    for name in view.derived:
        if not NAME.match(name) or name in view.over.schema() or name in view.features:
            yield f"derived.{name}", "is no name for a derived column: lower case letters, digits and _, not in use yet"
    yield from _groups_shape(view)
    if view.derived and not view.over.event_time:
        yield "derived", f"{view.over.name} has no `event_time`, the time of a fact, so that its rows have no order"
    for name, feature in view.features.items():
        if feature.type is not None and not TYPE.match(feature.type):
            yield name, f"type {feature.type!r} is not allowed; {TYPE.pattern}"


def _groups_shape(view: type[FeatureView]) -> Iterator[tuple[str, str]]:
    """Yield mistakes in the names and windows of a view with groups."""
    if view.groups is None:
        return
    if not view.groups.by or not view.groups.values:
        yield "groups", "wants columns to group by, and values of a group"
    rows = {*view.over.schema(), *view.derived, *view.entity.by()}
    # A column of rows may be a key under its own name.
    new = [name for name, text in view.groups.by.items() if text != name] + list(view.groups.values)
    for name in new:
        if not NAME.match(name) or name in rows:
            words = "is no name for a column of a group: lower case letters, digits and _, not in use yet"
            yield f"groups.{name}", words
    for name, feature in view.features.items():
        if feature.windowed:
            yield name, "has the window of the view, since it aggregates groups of its rows: leave `within` out"
