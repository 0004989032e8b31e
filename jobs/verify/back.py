"""Restores a home to the state before a day that has not ended was run on it, such as a mistyped one."""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from jobs.verify.copy import ingested_days, ledger_row_before
from quanyu.config.settings import Settings
from quanyu.engine.session import Engine
from quanyu.errors import ConfigError
from quanyu.home.lock import home_lock
from quanyu.home.migration import check_form
from quanyu.lake import Lake
from quanyu.lake.past import copy_tables, days_committed, versions_before
from quanyu.plurals import number_of
from quanyu.run import integrity
from quanyu.run.business_days import newest_day
from quanyu.run.runner import Context, Outcome

# Jobs with this prefix are notes that people append; no step writes them.
NOTES = "note."


@dataclass(frozen=True)
class UndoSummary:
    """State of a home after it was restored: its last day, files to be read again, and messages planned again."""

    last: date | None
    files: int
    messages: int

    def __str__(self) -> str:
        stands = f"is at {self.last} again" if self.last else "is empty again"
        return (
            f"The home {stands}. The next run reads {number_of(self.files, 'file')} again, and plans"
            f" {number_of(self.messages, 'waiting message')} again. What was sent stays recorded and is not sent again."
        )


def undo_days(settings: Settings, day: date, wait_seconds: float) -> UndoSummary:
    """Restore all tables and the store to the state before the first run for the day or a later one.

    Days that were run after it are undone too: their files are read again. Notes of people remain. The lake is replaced
    at the end, so that the command can be repeated after it was killed.

    Raises ConfigError for a day that is over or was not run, QuanyuError if the older versions were removed.
    """
    if day <= newest_day(settings):
        raise ConfigError(f"{day} is over: only days that have not ended can be undone")
    with home_lock(settings, wait_seconds), contextlib.closing(Context(settings, day)) as context:
        check_form(context)
        moment, versions = _before(context)
        fresh = settings.model_copy(update={"home": settings.home / "back"})
        shutil.rmtree(fresh.home, ignore_errors=True)
        fresh.home.mkdir(mode=0o700)
        copy_tables(context.lake, fresh.lake, versions)
        shutil.copyfile(settings.lake / "_committer", fresh.lake / "_committer")
        undone = _rewind_store(context, Lake(fresh, Engine(fresh)), moment)
        # From now on the tables have older versions, which must not count as losses.
        integrity.forget(context)
        settings.lake.rename(fresh.home / "after")
        fresh.lake.rename(settings.lake)
        shutil.rmtree(fresh.home)
    return undone


def _before(context: Context) -> tuple[datetime, dict[str, int]]:
    """Time of the first commit for the day or a later one, and the version of each table before it."""
    lake, day = context.lake, context.day.isoformat()
    commits = {place: lake.history(place) for place in lake.places()}
    ours = [c for history in commits.values() for c in history if c["receipt"] and not _is_note(c)]
    moments = [commit["timestamp"] for commit in ours if commit["receipt"]["day"] >= day]
    if not moments:
        raise ConfigError(f"{day} was not run in {context.settings.home}: there is nothing to undo")
    first = min(moments)
    versions = versions_before(lake, context.day, {commit["receipt"]["job"] for commit in ours})
    for place, history in commits.items():
        if any(_is_note(commit) for commit in history):
            versions[place] = history[0]["version"]
    return datetime.fromtimestamp(first / 1000, UTC), versions


def _is_note(commit: dict[str, Any]) -> bool:
    return bool(commit["receipt"]) and str(commit["receipt"]["job"]).startswith(NOTES)


def _rewind_store(context: Context, lake: Lake, moment: datetime) -> UndoSummary:
    """Reset the store to the state of another lake's tables, and plan messages that wait since the moment again."""
    store, last = context.store, max(days_committed(lake), default=None)
    files = sum(_rewind_files(context, lake, name, moment, last) for name in context.catalogue.sources)
    for name, step in context.steps.items():
        store.unchanged_runs.delete(name)
        if step.forward and last:
            stands = {"day": last.isoformat(), "depends": {"inputs": {}}, "wrote": {}, "outcome": asdict(Outcome())}
            store.unchanged_runs.save(name, "", stands)
    return UndoSummary(last, files, store.outbox.forget_waiting(moment))


def _rewind_files(context: Context, lake: Lake, source: str, moment: datetime, last: date | None) -> int:
    """Forget files of a feed that were checked since the moment, except for what bronze had of them before."""
    ledger, days_by_file = context.store.ledger, ingested_days(lake, context.catalogue.sources[source])
    files = ledger.checked_since(source, moment)
    ledger.forget(source, list(files))
    if last:
        before = [
            ledger_row_before(file, days_by_file[path], last) for path, file in files.items() if path in days_by_file
        ]
        ledger.record([replace(f, recorded_on=min(f.recorded_on, last)) for f in before])
    return len(files)
