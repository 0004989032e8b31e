"""Path pattern of a feed, as declared in its source: below the landing folder, with the day in one format."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Annotated

from pydantic import AfterValidator

DAY = re.compile(r"\{day(?::([^}]*))?\}")
ISO = "%Y-%m-%d"
_EXAMPLE = "write it as `orders/{day}/*.csv` or `orders_{day:%Y%m%d}.csv`"
# Format codes that make up a day, and those that may be added for files of an hour or a minute.
_WHOLE = ({"Y", "m", "d"}, {"y", "m", "d"}, {"Y", "j"})
_BESIDE = {"H", "M", "S"}
_WIDTHS = {"Y": 4, "j": 3}


def path_fault(path: str) -> str | None:
    """Say what is wrong with a path pattern and what to write; None if it is valid."""
    below = path.removeprefix("data:").lstrip("/") if path.startswith("data:") else path
    return next((words for check in _CHECKS if (words := check(below))), None)


def _valid(path: str) -> str:
    if words := path_fault(path):
        raise ValueError(words)
    return path


FeedPath = Annotated[str, AfterValidator(_valid)]


def _below(path: str) -> str | None:
    if path.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", path):
        return "a path lies below the folder of landed files (or of shared data, after `data:`), and has no / before it"
    if "\\" in path or not path.isprintable():
        return "folders are divided by /, and a name has no hidden characters"
    parts = path.split("/")
    if {"..", "."} & set(parts):
        return "`.` and `..` lead out of the folder of landed files: name the folders below it"
    return (
        "two / follow each other, or nothing follows the last one: name each folder and the file"
        if "" in parts
        else None
    )


def _stars(path: str) -> str | None:
    outside = DAY.sub("", path)
    if "**" in path:
        return "`**` is not supported: write one `*` for each folder, as in `orders/*/{day}.csv`"
    if "[" in outside or "]" in outside:
        return "`[` and `]` are not supported in a path: write `*`, or `?` for one character"
    if braces := re.search(r"\{[^}]*\}?|\}", outside):
        return f"{braces[0]} is not supported; write {{day}}, or its form as {{day:%Y%m%d}}"
    return None


def _forms(path: str) -> str | None:
    forms = [form or ISO for form in DAY.findall(path)]
    if len(set(forms)) > 1:
        return f"the day is written in two formats, {' and '.join(dict.fromkeys(forms))}: use one format in both places"
    return _form(forms[0]) if forms else None


def _form(form: str) -> str | None:
    words = set(re.findall(r"%(.)", form.replace("%%", "")))
    if "/" in form:
        return (
            "a day is within one name: write `*` for folders of years and months, and `day` as an expression of _file"
        )
    if not any(whole <= words <= whole | _BESIDE for whole in _WHOLE):
        return f"{{day:{form}}} is not a day: a format has %Y, %m and %d (or %Y and %j), and optionally %H, %M, %S"
    for day in (date(2024, 2, 29), date(2025, 12, 31), date(2026, 1, 1)):
        try:
            same = datetime.strptime(day.strftime(form), form).date() == day
        except (ValueError, re.error):
            same = False
        if not same:
            return f"{{day:{form}}} cannot be read back as a day; {_EXAMPLE}"
    return None


def _beside(path: str) -> str | None:
    if re.search(r"[*?]\{day|\{day[^}]*\}[*?{]", path):
        return "{day} needs a separator from the wildcard beside it, as in `{day}_*.csv`"
    return None


_CHECKS: tuple[Callable[[str], str | None], ...] = (_below, _stars, _forms, _beside)


def day_pattern(pattern: str, form: str | None) -> str:
    """Regular expression of a day in this format within a path pattern.

    If the same name contains a `*`, it matches only as many characters as a day has. Otherwise it matches the whole
    name, so that a message can show what is not a day.
    """
    parts = [part for part in pattern.split("/") if DAY.search(part)]
    if not any("*" in part or "?" in part for part in parts):
        return "[^/]+"
    return "".join(_characters(form or ISO))


def _characters(form: str) -> Iterator[str]:
    for word, plain in re.findall(r"%(.)|([^%])", form):
        yield rf"\d{{1,{_WIDTHS.get(word, 2)}}}" if word and word != "%" else re.escape(plain or "%")
