"""Lists a feed's folders: its files with their file system attributes, and the entries that are set aside."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

from quanyu.feeds.candidates import Candidate
from quanyu.feeds.source import Source
from quanyu.run.runner import Context

# Coarsest clock tick of a file system: within one tick a file may change and have the same attributes.
TICK_NS = 2_000_000_000


@dataclass(frozen=True)
class SkippedFile:
    """An entry in a feed's folders that is not ingested: why, and whether it may contain rows of the feed."""

    name: str
    why: str
    doubtful: bool = False
    day: date | None = None


@dataclass(frozen=True)
class FileAttributes:
    """File system attributes of a file, available without reading it. Any change to a file changes its ctime."""

    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int

    @classmethod
    def read(cls, path: Path) -> FileAttributes | None:
        """Read the attributes of a file; None if it does not exist or is not accessible."""
        try:
            stat = path.stat()
        except OSError:
            return None
        return cls(stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)


@dataclass
class ListedFile:
    """A file in the listing of a step; its bytes are hashed on first use.

    `postponed_because` says why its sender may still be writing it, and is empty if it is complete.
    """

    name: str
    path: Path
    attributes: FileAttributes
    day: date | None
    at_ns: int
    postponed_because: str = ""

    @cached_property
    def sha256(self) -> str:
        """Hash of the file's bytes; empty if they cannot be read."""
        return self._hash()

    def is_unchanged(self) -> bool:
        """Whether the bytes, after they were read, still match `sha256`."""
        if FileAttributes.read(self.path) != self.attributes:
            return False
        return self.is_settled() or self._hash() == self.sha256

    def is_settled(self) -> bool:
        """Whether the last change was long enough before the listing that any later one changes the attributes."""
        return max(self.attributes.mtime_ns, self.attributes.ctime_ns) < self.at_ns - TICK_NS

    def _hash(self) -> str:
        try:
            with self.path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError:
            return ""


@dataclass(frozen=True)
class Listing:
    """The files of a feed up to a day, and the other entries of its folders."""

    files: tuple[ListedFile, ...]
    skipped: tuple[SkippedFile, ...]


def listing_of(context: Context, source: Source) -> Listing:
    """List a feed's folders without the files of other feeds. No file is read; only attributes are."""
    files, aside, at_ns = [], [], time.time_ns()
    candidates = source.candidates(context.settings.landing, context.settings.data)
    names = {candidate.name for candidate in candidates}
    for candidate in candidates:
        fault, day = _fault(source, candidate, names), source.likely_day(candidate.name)
        look = FileAttributes.read(candidate.path) if fault is None else None
        if look is not None and (day is None or day <= context.day):
            waits = _incomplete_reason(source, candidate.path, look, at_ns)
            files.append(ListedFile(candidate.name, candidate.path, look, day, at_ns, waits))
        elif fault and not _is_of_another(context, source, candidate):
            aside.append(SkippedFile(candidate.name, fault, candidate.doubtful, day))
    return Listing(tuple(files), tuple(aside))


def _fault(source: Source, candidate: Candidate, names: set[str]) -> str | None:
    """Why an entry is not ingested; None if it is, and empty for a mark file of the feed."""
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


def _incomplete_reason(source: Source, path: Path, look: FileAttributes, at_ns: int) -> str:
    """Why a file is not ingested yet, by the source's `mark` and `settles`; empty if it is complete."""
    mark, settles = source.reads.mark, source.reads.settles
    if mark:
        mark_file = Path(f"{path}{mark}") if mark.startswith(".") else path.parent / mark
        if not os.path.lexists(mark_file):
            return f"its mark {mark_file.name} is not there yet"
    if settles and look.mtime_ns > at_ns - settles.total_seconds() * 1e9:
        return "it has changed within the time in which it settles"
    return ""


def attributes_in_ledger(file: ListedFile) -> Mapping[str, int]:
    """Attributes of a file that the ledger stores; ctime 0 makes the next run hash a file that was just changed."""
    ctime_ns = file.attributes.ctime_ns if file.is_settled() else 0
    return {"size": file.attributes.size, "mtime_ns": file.attributes.mtime_ns, "ctime_ns": ctime_ns}
