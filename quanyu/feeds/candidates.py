"""Lists the folders of a feed: the files that belong to it, and the reason why each other entry does not."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from quanyu.feeds.day_path import DAY
from quanyu.feeds.paths import (
    day_form,
    day_in,
    is_hidden,
    is_like,
    is_uploading,
    is_wild,
    name_pattern,
)
from quanyu.printable import printable


@dataclass(frozen=True)
class Candidate:
    """A file or folder: its name below the root, and `fault`, why it is not read (empty if it is read).

    It is `doubtful` if it is not read although its name suggests that it contains data of the feed.
    """

    name: str
    path: Path
    fault: str = ""
    doubtful: bool = False


@dataclass(frozen=True)
class Level:
    """One folder on the path to a feed's files: its name below the root, and the rest of the pattern below it."""

    name: str
    path: Path
    parts: tuple[str, ...]
    own: bool


def candidates(root: Path, pattern: str) -> Iterator[Candidate]:
    """List the entries of the folders that a pattern names, sorted by name.

    A file is read only if it is regular and its real path is below the root, so that a link cannot lead outside.
    Folders above the first `*` or `{day}` may be shared with other feeds: their other entries are not listed.
    """
    real = root.resolve()
    for candidate in _below(Level("", root, tuple(pattern.split("/")), own=False), pattern):
        if candidate.fault:
            yield candidate
        elif fault := _fault(candidate.path, candidate.name, real):
            yield Candidate(candidate.name, candidate.path, fault, doubtful=True)
        else:
            yield candidate


def _below(level: Level, pattern: str) -> Iterator[Candidate]:
    part, own = level.parts[0], level.own or is_wild(level.parts[0])
    if not own:
        yield from _within(level, part, pattern, own)
        return
    try:
        names = sorted(path.name for path in level.path.iterdir())
    except PermissionError:
        yield Candidate(level.name.rstrip("/"), level.path, "a folder that may not be read", doubtful=True)
        return
    except OSError:
        # The folder does not exist yet, or was deleted meanwhile.
        return
    misfits = {name: _misfit(name, part, level) for name in names}
    spellings = _one_spelling([name for name, reason in misfits.items() if reason is None], part)
    for name, reason in misfits.items():
        other = spellings.get(name.lower(), name)
        if reason is not None:
            yield Candidate(level.name + name, level.path / name, reason, doubtful=is_like(name, part))
        elif other != name:
            yield Candidate(level.name + name, level.path / name, f"{other} differs in case only and is read", True)
        else:
            yield from _within(level, name, pattern, own)


def _one_spelling(names: list[str], part: str) -> dict[str, str]:
    """Of names that differ in case only, choose the one with the declared ending, else the first."""
    ending = re.split(r"[*?}]", part)[-1]
    by_letters: dict[str, str] = {}
    for name in sorted(names, key=lambda name: (not name.endswith(ending), name)):
        by_letters.setdefault(name.lower(), name)
    return by_letters


def _within(level: Level, name: str, pattern: str, own: bool) -> Iterator[Candidate]:
    path, whole = level.path / name, level.name + name
    if len(level.parts) == 1:
        if own or path.exists() or path.is_symlink():
            yield _dated(Candidate(whole, path), pattern)
    elif path.is_dir():
        yield from _below(Level(f"{whole}/", path, level.parts[1:], own), pattern)
    elif own:
        yield Candidate(whole, path, "not a folder, although the path pattern needs one", doubtful=True)


def _dated(candidate: Candidate, pattern: str) -> Candidate:
    """Refuse a name with two different days."""
    try:
        day_in(pattern, candidate.name)
    except ValueError:
        return Candidate(candidate.name, candidate.path, f"its name does not fit {pattern}", doubtful=True)
    return candidate


def _misfit(name: str, part: str, level: Level) -> str | None:
    """Say why a name does not belong to the feed; None if it does."""
    if is_hidden(name, part):
        return "hidden"
    if len(level.parts) == 1 and is_uploading(name, part):
        return "an upload that has not ended"
    match = name_pattern(part).fullmatch(name)
    if not match:
        folder = (level.path / name).is_dir()
        return "a folder" if folder else f"its name does not fit {part}"
    if DAY.search(part):
        try:
            day_in(part, name)
        except ValueError:
            return f"its name has no day as {day_form(part)}"
    return None


def _fault(path: Path, name: str, root: Path) -> str:
    try:
        mode = path.stat().st_mode
        real = path.resolve()
    except FileNotFoundError:
        return "a broken link"
    except (OSError, RuntimeError):
        return "a circular link, or a link to a folder that may not be read"
    if printable(name) != name:
        return "a name with hidden characters, or not in UTF-8"
    if not real.is_relative_to(root):
        return "a link out of the landing folder"
    if not stat.S_ISREG(mode):
        return "a folder" if stat.S_ISDIR(mode) else "a pipe, a socket or a device"
    return "" if os.access(path, os.R_OK) else "a file that may not be read"
