"""Numbers of things, as messages and reports say them."""

from __future__ import annotations


def number_of(number: int, noun: str) -> str:
    """A number with its noun: `1 row`, `2,400 rows`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def is_or_are(number: int) -> str:
    """The verb for so many things."""
    return "is" if number == 1 else "are"
