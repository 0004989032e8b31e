"""Names of a feed's files: what a path with {day} and * matches, the day of a name, and renamed copies."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from datetime import date, datetime
from functools import cache
from pathlib import Path

from quanyu.errors import KeeperError
from quanyu.feeds.day_path import DAY, ISO, day_pattern

_WILD = re.compile(r"[*?{]")
# Parts that browsers, copy programs, uploads and archives add to a name.
_ADDED = re.compile(
    r"\.(part|partial|filepart|tmp|temp|crdownload|download|upload|uploading|writing|inprogress|bak|swp|gz|gzip|bz2|zst|zip)$|~$"
    r"|\s*[(（]\d+[)）]|[\s_-]+(copy|副本|复制)(\s*\d+)?(?=\.|$)",
    re.IGNORECASE,
)
_UPLOADING = re.compile(r"\.(part|partial|filepart|tmp|temp|crdownload|download|upload|uploading|writing|inprogress)$")
_SYSTEM_FILES = ("thumbs.db", "desktop.ini")


def is_wild(pattern: str) -> bool:
    """Whether a part of a path contains a wildcard."""
    return bool(_WILD.search(pattern))


@cache
def name_pattern(pattern: str) -> re.Pattern[str]:
    """Regular expression of a path pattern. The file's ending matches in any case (.csv, .CSV)."""
    stem, ending = _split_ending(pattern)
    parts, at = [], 0
    for match in DAY.finditer(stem):
        parts.append(_globbed(stem[at : match.start()]))
        parts.append(f"(?P<day>{day_pattern(pattern, match[1])})" if "(?P<day>" not in "".join(parts) else "(?P=day)")
        at = match.end()
    return re.compile("".join([*parts, _globbed(stem[at:]), f"(?i:{re.escape(ending)})" if ending else ""]))


def day_in(pattern: str, name: str) -> date | None:
    """Parse the day in a name that matches a pattern; None if the pattern has no day.

    Raises ValueError if the name does not match, or has no valid day in that place.
    """
    written = DAY.search(pattern)
    if not written:
        return None
    match = name_pattern(pattern).fullmatch(name)
    if not match:
        raise ValueError(f"{name} does not match {pattern}")
    return datetime.strptime(match.group("day"), day_form(pattern)).date()


def fits(pattern: str, name: str) -> bool:
    """Whether a name matches a pattern, with a valid day."""
    try:
        return day_in(pattern, name) is not None or bool(name_pattern(pattern).fullmatch(name))
    except ValueError:
        return False


def day_form(pattern: str) -> str:
    """Format of the day in names, for strptime."""
    written = DAY.search(pattern)
    return (written.group(1) if written else None) or ISO


def is_hidden(name: str, pattern: str) -> bool:
    """Whether wildcards skip a name, as file systems and engines do: .x, _x, ~x and files of the operating system."""
    begins = name[:1] in "._~" and not pattern.startswith(name[:1])
    return begins or name.lower() in _SYSTEM_FILES


def is_uploading(name: str, pattern: str) -> bool:
    """Whether a name is that of an unfinished upload."""
    match = _UPLOADING.search(name.lower())
    return bool(match) and not pattern.lower().endswith(match.group() if match else "")


def is_like(name: str, pattern: str) -> bool:
    """Whether a name would match without the parts that people and programs add to names."""
    plain = plain_name(name).casefold()
    match = re.fullmatch(name_pattern(pattern).pattern, plain, re.IGNORECASE)
    return bool(match) and plain != name.casefold()


def plain_name(name: str) -> str:
    """Remove the parts of a name that people and programs add: `.part`, ` (1)`, ` - copy`."""
    return _ADDED.sub("", name).strip()


def _split_ending(pattern: str) -> tuple[str, str]:
    """Split off the ending: from the first dot after the last wildcard in the file's name."""
    last = pattern.rpartition("/")[2]
    if not is_wild(last):
        return pattern, ""
    tail = re.split(r"[*?}]", last)[-1]
    dot = tail.find(".")
    return (pattern, "") if dot < 0 else (pattern[: len(pattern) - len(tail) + dot], tail[dot:])


def _globbed(text: str) -> str:
    return re.escape(text).replace(r"\*", "[^/]*").replace(r"\?", "[^/]")


def check_folders(root: Path, pattern: str) -> None:
    """Raise KeeperError if this user may not list a folder on the path of a pattern."""
    level = _listable([root])
    for part in DAY.sub("*", pattern).split("/")[:-1]:
        level = _listable(child for folder in level for child in folder.glob(part))


def _listable(folders: Iterable[Path]) -> list[Path]:
    there = [folder for folder in folders if folder.is_dir()]
    for folder in there:
        if not os.access(folder, os.R_OK | os.X_OK):
            raise KeeperError(f"{folder}: this user may not list the folder: give it the rights, then run again")
    return there
