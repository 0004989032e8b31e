"""Values as text: what they hold is shown and never obeyed, by a terminal, a spreadsheet or a mail server."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

# A spreadsheet takes a text that begins with one of these for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")
# Control characters, invisible ones, halves of surrogate pairs, and ends of lines and paragraphs.
_HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
# Words of some scripts cannot be written without these two.
_JOINERS = "\u200c\u200d"


def is_hidden(character: str) -> bool:
    """Whether a character shows nothing and may change what is shown beside it."""
    return unicodedata.category(character) in _HIDDEN and character not in _JOINERS


def printable(value: Any, keep: str = "") -> str:
    r"""Write a value so that a terminal shows it as it is: `\x1b`, `\u202e` instead of what they would do.

    `keep` names hidden characters that stay, such as the ends of lines of a message of ours.
    """
    text = str(value)
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(one) if is_hidden(one) and one not in keep else one for one in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def cell(value: Any, style: str = "") -> Text:
    """Give a value to a table or line of the terminal: no markup, no control characters."""
    return Text(printable(value), style)


def line(*parts: str | tuple[Any, str]) -> Text:
    """Put a line together out of values and (value, style)."""
    shown = [cell(*part) if isinstance(part, tuple) else Text(printable(part, keep="\n")) for part in parts]
    return Text.assemble(*shown)


def show(text: Any) -> None:
    """Print a text as it is, or what is put together for the screen as such."""
    Console().print(printable(text, keep="\n") if isinstance(text, str) else text, markup=False)


def show_error(error: Exception) -> None:
    """Print an error's kind and words to the error output."""
    console = Console(stderr=True, highlight=False)
    console.print(Text(type(error).__name__, "bold red"))
    console.print(printable(error, keep="\n"), markup=False, soft_wrap=True)


def grid(columns: Iterable[str], rows: Iterable[Iterable[Any]], title: str = "") -> Table:
    """Make a table of values for the terminal; a value is folded and not cut, since it may be searched for."""
    table = Table(header_style="bold", title=cell(title) if title else None, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(cell("" if value is None else value) for value in row))
    return table


def spreadsheet(value: str | None) -> str | None:
    """Write a text for a file that people open: an apostrophe keeps what looks like a formula a text."""
    return f"'{value}" if value and value.startswith(FORMULA) else value
