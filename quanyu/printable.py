"""Escapes values, so that terminals, spreadsheets and mail servers show them and execute nothing."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

# A spreadsheet reads a text that begins with one of these as a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")
# Control characters, invisible ones, halves of surrogate pairs, and ends of lines and paragraphs.
_HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
# Some scripts need these two characters.
_JOINERS = "\u200c\u200d"


def is_hidden(character: str) -> bool:
    """Whether a character is invisible and may change how its neighbours are shown."""
    return unicodedata.category(character) in _HIDDEN and character not in _JOINERS


def printable(value: Any, keep: str = "") -> str:
    r"""Escape hidden characters of a value: a terminal shows `\x1b` or `\u202e` instead of executing them.

    `keep` lists hidden characters that stay, such as line ends in our own messages.
    """
    text = str(value)
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(one) if is_hidden(one) and one not in keep else one for one in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def cell(value: Any, style: str = "") -> Text:
    """Text of a value for a rich table or line, without markup or control characters."""
    return Text(printable(value), style)


def line(*parts: str | tuple[Any, str]) -> Text:
    """Build a line from values and (value, style) pairs."""
    shown = [cell(*part) if isinstance(part, tuple) else Text(printable(part, keep="\n")) for part in parts]
    return Text.assemble(*shown)


def show(text: Any) -> None:
    """Print a text literally, or render a rich object."""
    Console().print(printable(text, keep="\n") if isinstance(text, str) else text, markup=False)


def show_error(error: Exception) -> None:
    """Print an error's class and message to standard error."""
    console = Console(stderr=True, highlight=False)
    console.print(Text(type(error).__name__, "bold red"))
    console.print(printable(error, keep="\n"), markup=False, soft_wrap=True)


def grid(columns: Iterable[str], rows: Iterable[Iterable[Any]], title: str = "") -> Table:
    """Build a table of values for the terminal. Long values are folded, not cut, so that they can be searched for."""
    table = Table(header_style="bold", title=cell(title) if title else None, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(cell("" if value is None else value) for value in row))
    return table


def spreadsheet(value: str | None) -> str | None:
    """Escape a text for spreadsheets: an apostrophe before a text that looks like a formula."""
    return f"'{value}" if value and value.startswith(FORMULA) else value
