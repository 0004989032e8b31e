"""Values as Spark SQL writes them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date


def quoted(text: str) -> str:
    """Write a text."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def dates(days: Iterable[date]) -> str:
    """Write days, with commas between them."""
    return ", ".join(f"date'{day}'" for day in days)
