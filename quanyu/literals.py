"""Literals of Spark SQL."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date


def quoted(text: str) -> str:
    """Write a text as a literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def dates(days: Iterable[date]) -> str:
    """Write days as date literals, separated by commas."""
    return ", ".join(f"date'{day}'" for day in days)
