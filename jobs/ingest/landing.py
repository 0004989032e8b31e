"""Which landed files are new or changed, and as of which day what they tell is known."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from pathlib import Path

from quanyu.run import Context
from quanyu.source import Source
from quanyu.store import LandedFile


@dataclass(frozen=True)
class Found:
    """A file to read: its name below the root, where it lies, its bytes' hash, and from which day on it is taken."""

    name: str
    path: Path
    sha256: str
    size: int
    mtime_ns: int
    day: date | None
    after: date | None
    through: date
    changed: bool


@dataclass
class Listed:
    """A file as the listing of a step shows it; its bytes are hashed when that is first asked for."""

    name: str
    path: Path
    size: int
    mtime_ns: int
    day: date | None

    @cached_property
    def sha256(self) -> str:
        """Hash of the file's bytes."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def landed(context: Context, source: Source) -> list[Found]:
    """List the files with anything not taken yet, up to the context's day."""
    known = context.store.ledger.files(source.name)
    files = (_new(context, file, known.get(file.name)) for file in _listing(context, source))
    return [file for file in files if file is not None]


def list_anew(context: Context, source: Source) -> None:
    """Forget the listing of a step, since files have landed within it."""
    context.listings.pop(source.name, None)


def _listing(context: Context, source: Source) -> list[Listed]:
    """List a source's files up to the context's day, once per step: what lands meanwhile is the next step's."""
    if source.name not in context.listings:
        files = source.files(context.settings.landing, context.settings.data)
        dated = ((name, path, source.day_of(name)) for name, path in files)
        context.listings[source.name] = [
            Listed(name, path, (stat := path.stat()).st_size, stat.st_mtime_ns, day)
            for name, path, day in dated
            if day is None or day <= context.day
        ]
    listed: list[Listed] = context.listings[source.name]
    return listed


def _new(context: Context, file: Listed, before: LandedFile | None) -> Found | None:
    same_look = before and (before.size, before.mtime_ns) == (file.size, file.mtime_ns)
    sha256 = before.sha256 if before and same_look else file.sha256
    # A changed file that was read through a later day gives that whole stretch again, not only its beginning.
    through = max(context.day, before.taken_through or date.min) if before else context.day
    changed, day = before is not None, file.day
    whole = Found(file.name, file.path, sha256, file.size, file.mtime_ns, day, None, through, changed=changed)
    if before is None or sha256 != before.sha256:
        return whole
    if day is None and before.status == "taken" and (before.taken_through or date.min) < context.day:
        return replace(whole, after=before.taken_through, changed=False)
    return None


def fingerprint(context: Context, source: Source) -> Mapping[str, object]:
    """What the step depends on besides tables: the names and bytes of files that are not taken yet."""
    new = {item.name: (item.sha256, str(item.after)) for item in landed(context, source)}
    return {**new, **dict.fromkeys(set_aside(context, source))}


def set_aside(context: Context, source: Source) -> tuple[str, ...]:
    """Say what lies among a source's files and is none, once per step."""
    key = f"{source.name}, set aside"
    if key not in context.listings:
        context.listings[key] = tuple(source.set_aside(context.settings.landing, context.settings.data))
    return tuple(context.listings[key])


def newest_taken(files: Mapping[str, LandedFile]) -> date | None:
    """Latest day of the feed that was taken; of a file with the day in a column, the day it was read through."""
    days = [file.feed_day or file.taken_through for file in files.values() if file.status == "taken"]
    return max((day for day in days if day), default=None)


def recorded_on(feed_day: date, run_day: date, newest: date | None) -> date:
    """Day on which what a feed's day tells became known: its own, or the run's if a later day was taken before."""
    return feed_day if newest is None or feed_day >= newest else max(run_day, newest)


def newest_day(files: Mapping[str, LandedFile], volumes: Mapping[date, int]) -> date | None:
    """Latest day that a feed told of: by its taken files, with or without a row, or by its rows, where they say it."""
    days = [file.feed_day for file in files.values() if file.status == "taken" and file.feed_day]
    return max(days or volumes, default=None)


def still_refused(context: Context, source: Source) -> dict[str, str]:
    """Files that were refused and lie in landing as they were: the reason by the name.

    One that its sender replaced is looked at again, and one that was taken away is nobody's matter any more.
    """
    refused = {path: file for path, file in context.store.ledger.files(source.name).items() if file.status == "refused"}
    if not refused:
        return {}
    names = [file.name for file in _listing(context, source) if file.name in refused]
    return {name: refused[name].reason or name for name in names}


def ledger_row(source: Source, item: Found, run_day: date, newest: date | None, refused: Iterable[str]) -> LandedFile:
    """What the ledger keeps of a file that was read: taken, or refused for one of the reasons that name it."""
    reason = next((text for text in refused if text.startswith(f"{item.name}:")), None)
    return LandedFile(
        feed=source.name, path=item.name, sha256=item.sha256, size=item.size, mtime_ns=item.mtime_ns,
        feed_day=item.day, first_seen_on=run_day, recorded_on=recorded_on(item.day or run_day, run_day, newest),
        taken_through=item.through if item.day is None else None, status="refused" if reason else "taken",
        reason=reason, rows=0,
    )  # fmt: skip
