"""Compares the lake with the store. A lost table is rebuilt by the step that can do so; otherwise no step runs."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from quanyu.errors import KeeperError
from quanyu.lake.table_state import TableState, drop_dead_hint, loss, newest_versions, read_table_state
from quanyu.store import LakeTable

if TYPE_CHECKING:
    from quanyu.run.runner import Context, Step

# Key in the store: lost places that each step has to rebuild.
LOST = "lost_tables"
# Folder for the remains of lost tables, until the upkeep removes them.
ASIDE, _MOMENT = "_lost", "%Y%m%dT%H%M%S.%f"


def record_versions(context: Context) -> None:
    """Record the id and version of new and newer tables. Losses are handled by `schedule_rebuilds`."""
    lake, noted = context.settings.lake, context.store.tables.all()
    grown = [p for p, version in newest_versions(lake).items() if p not in noted or version > noted[p].version]
    conditions = [(place, read_table_state(lake / place)) for place in grown]
    context.store.tables.record([
        LakeTable(place, now.table_id, now.version)
        for place, now in conditions
        if now and (place not in noted or noted[place].table_id == now.table_id)
    ])  # fmt: skip


def accept_current_state(context: Context) -> None:
    """Accept the current state of the lake as complete, whatever was recorded or lost before."""
    forget(context)
    record_versions(context)


def forget(context: Context) -> None:
    """Delete the recorded table versions, so that the next run accepts the tables as they are."""
    context.store.tables.forget(list(context.store.tables.all()))
    context.store.unchanged_runs.delete(LOST)


def losses(context: Context) -> dict[str, str]:
    """Describe what each table has lost since its version was recorded, by place."""
    lake, noted = context.settings.lake, context.store.tables.all()
    words = {place: loss(lake / place, TableState(last.table_id, last.version)) for place, last in noted.items()}
    return {place: text for place, text in words.items() if text}


def schedule_rebuilds(context: Context) -> None:
    """Move the remains of lost tables aside, and have the steps that can rebuild them do so at their next run.

    Raises KeeperError, and changes nothing, if no step can rebuild a lost table.
    """
    for place in context.store.tables.all():
        drop_dead_hint(context.settings.lake / place)
    lost = losses(context)
    makers = _makers(context, lost)
    if words := beyond_repair(context, lost):
        raise KeeperError(words)
    if lost:
        _order(context, makers)
        _set_aside(context, lost)
    record_versions(context)


def _makers(context: Context, lost: Iterable[str]) -> dict[str, list[str]]:
    return {place: [step.name for step in context.steps.values() if place in step.rebuilds] for place in lost}


def beyond_repair(context: Context, lost: Mapping[str, str]) -> str:
    """Say which lost tables no step can rebuild, and what to do; empty if there are none."""
    makers = _makers(context, lost)
    beyond = (place for place in sorted(lost) if not makers[place] or _has_undeclared_feeds(context, place))
    lines = [f"{place}: {lost[place]}" for place in beyond]
    return "\n".join([*lines, _ADVICE]) if lines else ""


_ADVICE = (
    "No step can rebuild this. Restore the whole home from its last backup (quanyu restore), or put the folder back as"
    " it was. Without either, `quanyu home accept` continues with what is there, permanently: history is lost, ids may"
    " change, and messages that were due until then are not sent automatically"
)


def _has_undeclared_feeds(context: Context, place: str) -> bool:
    """Whether a silver table may contain rows of a feed that is no longer declared. Nothing could map those again."""
    declared = {other for step in context.steps.values() for other in step.rebuilds}
    feeds = {other for other in context.store.tables.all() if other.startswith("bronze/")}
    return place.startswith("silver/") and not feeds <= declared


def _order(context: Context, makers: Mapping[str, Iterable[str]]) -> None:
    orders = {name: set(places) for name, places in _orders(context).items()}
    for place, names in makers.items():
        for name in names:
            orders.setdefault(name, set()).add(place)
    _save_orders(context, orders)
    for name in orders:
        _forget_inputs(context, context.step(name))


def _forget_inputs(context: Context, step: Step) -> None:
    """Mark the output of a step as outdated. A step that only goes forward keeps its day."""
    last = context.store.unchanged_runs.load(step.name)
    context.store.unchanged_runs.delete(step.name)
    if step.forward and last:
        context.store.unchanged_runs.save(step.name, "", {**last, "depends": {"inputs": {}}})


def _set_aside(context: Context, places: Collection[str]) -> None:
    lake, now = context.settings.lake, datetime.now(UTC).strftime(_MOMENT)
    for place in places:
        aside = lake / ASIDE / now / place
        aside.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if (lake / place).exists():
            (lake / place).rename(aside)
    context.store.tables.forget(places)


def remove_set_aside(context: Context, before: datetime) -> int:
    """Remove lost tables that were set aside before a moment, with their personal data. Returns the number of sets."""
    old = [f for f in (context.settings.lake / ASIDE).glob("*") if f.name < before.astimezone(UTC).strftime(_MOMENT)]
    for folder in old:
        shutil.rmtree(folder, ignore_errors=True)
    return len(old)


def places_to_rebuild(context: Context, step: str) -> frozenset[str]:
    """Lost places that a step has to rebuild."""
    return frozenset(_orders(context).get(step, ()))


def mark_rebuilt(context: Context, step: str) -> None:
    """Record that a step has rebuilt its lost tables."""
    orders = _orders(context)
    if orders.pop(step, None) is not None:
        _save_orders(context, orders)


def check_reads(context: Context, step: Step) -> None:
    """Raise KeeperError if a step reads a table that another step has to rebuild first."""
    orders = {name: set(step.reads) & set(places) for name, places in _orders(context).items() if name != step.name}
    waits = {name: places for name, places in orders.items() if places and name in context.steps}
    if waits:
        listed = ", ".join(sorted(set().union(*waits.values())))
        day = max([context.day, *(context.forward_day(name) or context.day for name in waits)])
        raise KeeperError(
            f"{step.name} reads {listed}, which was lost and has to be rebuilt first, by {', '.join(sorted(waits))}:"
            f" quanyu run --day {day}"
        )


def _orders(context: Context) -> dict[str, list[str]]:
    return context.store.unchanged_runs.load(LOST) or {}


def _save_orders(context: Context, orders: Mapping[str, Iterable[str]]) -> None:
    context.store.unchanged_runs.save(LOST, "", {name: sorted(places) for name, places in orders.items()})
