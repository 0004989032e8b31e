"""The last days of the month by the clock: `quanyu up --schedule`."""

from __future__ import annotations

from benchmarks.month.month import Month


def by_clock(month: Month, place: int) -> None:
    """To come."""
    raise NotImplementedError
