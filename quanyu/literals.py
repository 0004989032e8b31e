"""Literals of Spark SQL."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime


def quoted(text: str) -> str:
    """Write a text as a literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def dates(days: Iterable[date]) -> str:
    """Write days as date literals, separated by commas."""
    return ", ".join(f"date'{day}'" for day in days)


def instant(at: datetime) -> str:
    """Write a moment with a zone as a literal, by which an engine can skip groups of rows. Seconds are exact."""
    return f"timestamp'{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z'"
