"""Shows a feature view or a profile as of a day: from its table for the day that it stands at, else from facts."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from quanyu.config.settings import Settings
from quanyu.errors import ConfigError
from quanyu.grammar.entity import Entity
from quanyu.grammar.tags import profile_column
from quanyu.plurals import number_of
from quanyu.point_in_time.last_run import check_run
from quanyu.point_in_time.profiles import is_stored, is_view_stored, profiles
from quanyu.run.runner import Context
from quanyu.show import grid, written

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Group


def rows(settings: Settings, name: str, day: date | None, limit: int, out: Path | None) -> Group | str | None:
    """Show rows, or write them to a file; None if the name is neither that of a view nor of a profile.

    Without a day, that of the last run. Raises ConfigError if there was none, and for a day after it.
    """
    name = name.removeprefix("gold/")
    context = Context(settings, day or date.min)
    try:
        columns = _columns(context, name)
        if columns is None:
            return None
        entity, names, step = columns
        check_run(context, day)
        context.day = day or context.forward_day(step) or never_computed(name)
        how = _how(context, entity, name)
        chosen = (f"`{profile_column(long)}` as `{short}`" for long, short in names.items())
        profile = profiles(context, entity, names, context.day).selectExpr(f"`{entity.key}`", *chosen)
        profile = profile.orderBy(entity.key)
        table = (profile.limit(limit) if limit else profile).toArrow()
    finally:
        context.close()
    if out is not None:
        return written(table, out)
    return grid(table, f"gold/{name} as of {context.day}, {how}, {number_of(table.num_rows, 'row')}")


def _how(context: Context, entity: type[Entity], name: str) -> str:
    """In words where the rows of a view or a profile come from."""
    view = context.catalogue.views.get(name)
    if is_view_stored(context, view) if view else is_stored(context, entity):
        return "from its table"
    if view and context.forward_day(view.step()) == context.day:
        return "computed from facts, since its definition has changed since it was run"
    return "computed from facts"


def _columns(context: Context, name: str) -> tuple[type[Entity], Mapping[str, str], str] | None:
    """Entity, names with the columns that show them, and step of a view or a profile."""
    catalogue = context.catalogue
    if name in catalogue.views:
        view = catalogue.views[name]
        return view.entity, {f"{name}.{feature}": feature for feature in view.features}, view.step()
    entity = catalogue.entities.get(name.removeprefix("profile_"))
    if entity is None or name not in catalogue.tables or not name.startswith("profile_"):
        return None
    names = {long: profile_column(long) for long, column in catalogue.names(entity).items() if column.type}
    return entity, names, f"profile.{entity.name}"


def never_computed(name: str) -> date:
    """Raise ConfigError: there is no day at which it stands."""
    raise ConfigError(f"{name} was not computed yet: run a day, or say as of which day with --day")
