"""Takes a home back to before a day that has not ended was run on it, as a day that was mistyped may have been."""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from jobs.verify.copy import as_it_was, days_taken
from quanyu import agreement
from quanyu.calendar import newest_day
from quanyu.engine.session import Engine
from quanyu.errors import ConfigError
from quanyu.homelock import home_lock
from quanyu.lake import Lake
from quanyu.lake.past import copy_tables, days_committed, versions_before
from quanyu.run import Context, Outcome
from quanyu.settings import Settings

# Logs that people append to, with their own words; no step writes them.
NOTES = "note."


@dataclass(frozen=True)
class Undone:
    """Where a home stands after it was taken back: its last day, files that are read again, messages planned anew."""

    last: date | None
    files: int
    messages: int

    def __str__(self) -> str:
        stands = f"stands at {self.last} again" if self.last else "is empty again"
        return (
            f"The home {stands}. {self.files} files are read again by the next run, and {self.messages} messages that"
            " waited are planned anew. What went out stays noted and does not go out again."
        )


def take_back(settings: Settings, day: date, wait_seconds: float) -> Undone:
    """Make all tables what they were before the first run for the day or a later one, and the store with them.

    What days run after it brought is undone too: their files are read again. Logs that people append to stay. A lake
    is exchanged at the end, so that a call that was killed can be given again.

    Raises ConfigError for a day that is over or was not run, QuanyuError where the older versions are cleared away.
    """
    if day <= newest_day(settings):
        raise ConfigError(f"{day} is over: a home is taken back from days that have not ended, and from no other")
    with home_lock(settings, wait_seconds), contextlib.closing(Context(settings, day)) as context:
        moment, versions = _before(context)
        fresh = settings.model_copy(update={"home": settings.home / "back"})
        shutil.rmtree(fresh.home, ignore_errors=True)
        fresh.home.mkdir(mode=0o700)
        copy_tables(context.lake, fresh.lake, versions)
        shutil.copyfile(settings.lake / "_committer", fresh.lake / "_committer")
        undone = _rewind_store(context, Lake(fresh, Engine(fresh)), moment)
        # Tables of older versions lie there from now on, and count for whole.
        agreement.forget(context)
        settings.lake.rename(fresh.home / "after")
        fresh.lake.rename(settings.lake)
        shutil.rmtree(fresh.home)
    return undone


def _before(context: Context) -> tuple[datetime, dict[str, int]]:
    """The moment of the first commit for the day or a later one, and each table's version before it."""
    lake, day = context.lake, context.day.isoformat()
    commits = {place: lake.history(place) for place in lake.places()}
    ours = [c for history in commits.values() for c in history if c["receipt"] and not _is_note(c)]
    moments = [commit["timestamp"] for commit in ours if commit["receipt"]["day"] >= day]
    if not moments:
        raise ConfigError(f"{day} was not run in {context.settings.home}: there is nothing to take back")
    first = min(moments)
    versions = versions_before(lake, context.day, {commit["receipt"]["job"] for commit in ours})
    for place, history in commits.items():
        if any(_is_note(commit) for commit in history):
            versions[place] = history[0]["version"]
    return datetime.fromtimestamp(first / 1000, UTC), versions


def _is_note(commit: dict[str, Any]) -> bool:
    return bool(commit["receipt"]) and str(commit["receipt"]["job"]).startswith(NOTES)


def _rewind_store(context: Context, lake: Lake, moment: datetime) -> Undone:
    """Let the store remember what the tables of another lake tell, and plan what waits since the moment anew."""
    store, last = context.store, max(days_committed(lake), default=None)
    files = sum(_rewind_files(context, lake, name, moment, last) for name in context.catalogue.sources)
    for name, step in context.steps.items():
        store.memory.forget(name)
        if step.forward and last:
            stands = {"day": last.isoformat(), "depends": {"inputs": {}}, "wrote": {}, "outcome": asdict(Outcome())}
            store.memory.remember(name, "", stands)
    return Undone(last, files, store.outbox.forget_waiting(moment))


def _rewind_files(context: Context, lake: Lake, source: str, moment: datetime, last: date | None) -> int:
    """Forget what was looked at of a feed since the moment, but for what its table of before holds of it."""
    ledger, days_by_file = context.store.ledger, days_taken(lake, context.catalogue.sources[source])
    again = ledger.looked_at_since(source, moment)
    ledger.forget(source, list(again))
    if last:
        before = [as_it_was(file, days_by_file[path], last) for path, file in again.items() if path in days_by_file]
        ledger.record([replace(f, recorded_on=min(f.recorded_on, last)) for f in before])
    return len(again)
