"""What lies in a feed's folders when a step looks: its files with how they look, and what is set aside."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

from quanyu.candidates import Candidate
from quanyu.run import Context
from quanyu.source import Source

# Clocks of file systems tick up to so seldom: within one tick a file may change and look the same.
TICK_NS = 2_000_000_000


@dataclass(frozen=True)
class Aside:
    """What lies in a feed's folders and is not taken: why, and whether it may hold what the feed should have told."""

    name: str
    why: str
    doubtful: bool = False
    day: date | None = None


@dataclass(frozen=True)
class Look:
    """How a file looks without reading it; whatever is done to a file changes its ctime."""

    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int

    @classmethod
    def of(cls, path: Path) -> Look | None:
        """Look at a file; None where it is gone or may not be looked at."""
        try:
            stat = path.stat()
        except OSError:
            return None
        return cls(stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)


@dataclass
class Listed:
    """A file as the listing of a step shows it; its bytes are hashed when that is first asked for.

    `waits` says why its sender may still be writing it, and is empty where nothing says so.
    """

    name: str
    path: Path
    look: Look
    day: date | None
    at_ns: int
    waits: str = ""

    @cached_property
    def sha256(self) -> str:
        """Hash of the file's bytes; empty where they cannot be read any more."""
        return self._hash()

    def is_steady(self) -> bool:
        """Tell, after its bytes were read, whether they are still those of `sha256`."""
        if Look.of(self.path) != self.look:
            return False
        return self.is_settled() or self._hash() == self.sha256

    def is_settled(self) -> bool:
        """Whether it had not been changed just before it was listed, so that any change since shows in its look."""
        return max(self.look.mtime_ns, self.look.ctime_ns) < self.at_ns - TICK_NS

    def _hash(self) -> str:
        try:
            with self.path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError:
            return ""


@dataclass(frozen=True)
class Listing:
    """The files of a feed up to a day, and what else lies in its folders."""

    files: tuple[Listed, ...]
    aside: tuple[Aside, ...]


def listing_of(context: Context, source: Source) -> Listing:
    """List what lies in a feed's folders, without what is another feed's; of no file is more read than its look."""
    files, aside, at_ns = [], [], time.time_ns()
    candidates = source.candidates(context.settings.landing, context.settings.data)
    names = {candidate.name for candidate in candidates}
    for candidate in candidates:
        fault, day = _fault(source, candidate, names), source.likely_day(candidate.name)
        if day is not None and day > context.day:
            continue
        if fault is None and (look := Look.of(candidate.path)):
            waits = _waits(source, candidate.path, look, at_ns)
            files.append(Listed(candidate.name, candidate.path, look, day, at_ns, waits))
        elif fault and not _is_of_another(context, source, candidate):
            aside.append(Aside(candidate.name, fault, candidate.doubtful, day))
    return Listing(tuple(files), tuple(aside))


def _fault(source: Source, candidate: Candidate, names: set[str]) -> str | None:
    """Why something is not taken; None where it is, and empty for a mark of what lies there."""
    mark = source.reads.mark
    if not mark or not source.is_mark(candidate.name):
        return candidate.fault or None
    if mark.startswith(".") and candidate.name.removesuffix(mark) not in names:
        return "a mark without its file"
    return ""


def _is_of_another(context: Context, source: Source, candidate: Candidate) -> bool:
    root = source.root(context.settings.landing, context.settings.data)[0]
    return not candidate.doubtful and any(other.owns(candidate.name) for other in _others(context, source, root))


def _others(context: Context, source: Source, root: Path) -> Iterator[Source]:
    for other in context.catalogue.sources.values():
        if other.name != source.name and other.root(context.settings.landing, context.settings.data)[0] == root:
            yield other


def _waits(source: Source, path: Path, look: Look, at_ns: int) -> str:
    """Why a file is not taken yet, by what the source declares; empty where it is whole."""
    mark, settles = source.reads.mark, source.reads.settles
    if mark:
        lying = Path(f"{path}{mark}") if mark.startswith(".") else path.parent / mark
        if not os.path.lexists(lying):
            return f"its mark {lying.name} is not there yet"
    if settles and look.mtime_ns > at_ns - settles.total_seconds() * 1e9:
        return "it has changed within the time in which it settles"
    return ""


def ledgers_look(file: Listed) -> Mapping[str, int]:
    """What the ledger keeps of a file's look; one that was just changed shall be hashed again."""
    ctime_ns = file.look.ctime_ns if file.is_settled() else 0
    return {"size": file.look.size, "mtime_ns": file.look.mtime_ns, "ctime_ns": ctime_ns}
