"""Which landed files are new or changed, and as of which day what they tell is known."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
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


def landed(context: Context, source: Source) -> list[Found]:
    """List the files with anything not taken yet, up to the context's day."""
    known = context.store.ledger.files(source.name)
    found = []
    for name, path in source.files(context.settings.landing, context.settings.data):
        day = source.day_of(name)
        if day is not None and day > context.day:
            continue
        item = _new(context, name, path, day, known.get(name))
        if item is not None:
            found.append(item)
    return found


def _new(context: Context, name: str, path: Path, day: date | None, before: LandedFile | None) -> Found | None:
    stat = path.stat()
    same_look = before and (before.size, before.mtime_ns) == (stat.st_size, stat.st_mtime_ns)
    sha256 = before.sha256 if before and same_look else _hash(path)
    # A changed file that was read through a later day gives that whole stretch again, not only its beginning.
    through = max(context.day, before.taken_through or date.min) if before else context.day
    whole = Found(name, path, sha256, stat.st_size, stat.st_mtime_ns, day, None, through, changed=before is not None)
    if before is None or sha256 != before.sha256:
        return whole
    if day is None and before.status == "taken" and (before.taken_through or date.min) < context.day:
        return replace(whole, after=before.taken_through, changed=False)
    return None


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fingerprint(context: Context, source: Source) -> Mapping[str, object]:
    """What the step depends on besides tables: the names and bytes of files that are not taken yet."""
    return {item.name: (item.sha256, str(item.after)) for item in landed(context, source)}


def newest_taken(files: Mapping[str, LandedFile]) -> date | None:
    """Latest day of the feed that was taken; of a file with the day in a column, the day it was read through."""
    days = [file.feed_day or file.taken_through for file in files.values() if file.status == "taken"]
    return max((day for day in days if day), default=None)


def recorded_on(feed_day: date, run_day: date, newest: date | None) -> date:
    """Day on which what a feed's day tells became known: its own, or the run's if a later day was taken before."""
    return feed_day if newest is None or feed_day >= newest else max(run_day, newest)
