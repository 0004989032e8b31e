"""Moves a home of an earlier form on. Stages say what they recognise of it, and how it is moved."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from functools import partial

from quanyu import discover
from quanyu.config.settings import Settings
from quanyu.errors import KeeperError
from quanyu.home.lock import home_lock
from quanyu.run.runner import Context, Outcome


@dataclass(frozen=True)
class Migration:
    """One change of a home's form.

    `change` says it in words, as `the table a is b now`. `is_due` says whether a home still has anything of the earlier
    form, also after `apply` was killed at any moment; `apply` can then be called again.
    """

    change: str
    is_due: Callable[[Context], bool]
    apply: Callable[[Context], None]


def due(context: Context) -> list[Migration]:
    """Migrations that a home needs, in the order of the stages."""
    migrations = (migration for stage in discover.stages() for migration in stage.migrations())
    return [migration for migration in migrations if migration.is_due(context)]


def advice(context: Context) -> str:
    """Say that a home is of an earlier form, and what to do; empty for a home of today's form."""
    changes = "; ".join(migration.change for migration in due(context))
    return f"this home is of an earlier form ({changes}): run `quanyu migrate`" if changes else ""


def check_form(context: Context) -> None:
    """Raise KeeperError for a home of an earlier form."""
    if words := advice(context):
        raise KeeperError(words)


def migrate(settings: Settings, dry_run: bool = False, wait_seconds: float = 0) -> list[str]:
    """Apply all migrations that a home needs, or only list them. Returns their changes in words.

    Raises RetryableError while another process holds the home, and KeeperError if an older and a newer form are mixed.
    """
    if not settings.lake.is_dir():
        return []
    lock = contextlib.nullcontext() if dry_run else home_lock(settings, wait_seconds)
    with lock, contextlib.closing(Context(settings, date.min)) as context:
        return [migration.change for migration in _applied(context, dry_run)]


def _applied(context: Context, dry_run: bool) -> Iterator[Migration]:
    for migration in due(context):
        if not dry_run:
            migration.apply(context)
        yield migration


def renamed_table(old: str, new: str, steps: Mapping[str, str]) -> Migration:
    """The migration of a table to another place, with its history; `steps` are renamed steps that go on from it."""
    return Migration(
        f"the table {old} is {new} now", partial(_has_old, old=old, steps=steps),
        partial(_rename, old=old, new=new, steps=steps),
    )  # fmt: skip


def _has_old(context: Context, old: str, steps: Mapping[str, str]) -> bool:
    stored = (context.settings.lake / old).is_dir() or old in context.store.tables.all()
    return stored or any(context.store.unchanged_runs.load(step) for step in steps)


def _rename(context: Context, old: str, new: str, steps: Mapping[str, str]) -> None:
    """Rename the folder first, then what the store notes of it: until all is done, the old name remains somewhere."""
    context.lake.move(old, new)
    context.store.tables.rename(old, new)
    receipt = context.lake.receipt(new)
    for before, after in steps.items():
        last = context.store.unchanged_runs.load(before)
        days = [record["day"] for record in (last, receipt) if record]
        if days:
            stands = last or {"depends": {"inputs": {}}, "wrote": {}, "outcome": asdict(Outcome())}
            wrote = {new if place == old else place: version for place, version in stands["wrote"].items()}
            context.store.unchanged_runs.save(after, "", {**stands, "day": max(days), "wrote": wrote})
        context.store.unchanged_runs.delete(before)
