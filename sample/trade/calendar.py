"""Seasonality: the year with its festivals, the week, paydays, and the hours of each channel."""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache
from typing import Any

import numpy as np

Floats = np.ndarray[Any, np.dtype[Any]]
CHANNELS = ("store", "shop", "market", "mall")
STORE, SHOP, MARKET, MALL = range(4)
# First day of the lunar year.
NEW_YEARS = tuple(
    date.fromisoformat(day)
    for day in [
        "2019-02-05",
        "2020-01-25",
        "2021-02-12",
        "2022-02-01",
        "2023-01-22",
        "2024-02-10",
        "2025-01-29",
        "2026-02-17",
        "2027-02-06",
        "2028-01-26",
        "2029-02-13",
        "2030-02-03",
        "2031-01-23",
        "2032-02-11",
        "2033-01-31",
        "2034-02-19",
        "2035-02-08",
        "2036-01-28",
    ]
)
MONTHS = (1.0, 0.85, 0.95, 0.98, 1.05, 1.0, 0.85, 0.87, 1.02, 1.08, 1.1, 1.08)
# Demand for spring, summer, autumn, winter and whole-year goods in each month.
SEASON_FIT = np.array(
    [
        [0.3, 0.6, 1.0, 1.0, 0.8, 0.3, 0.2, 0.2, 0.3, 0.2, 0.1, 0.1],
        [0.1, 0.1, 0.2, 0.5, 1.0, 1.0, 1.0, 0.8, 0.4, 0.1, 0.1, 0.1],
        [0.1, 0.1, 0.2, 0.2, 0.1, 0.1, 0.2, 0.7, 1.0, 1.0, 0.8, 0.4],
        [1.0, 0.7, 0.3, 0.1, 0.1, 0.1, 0.1, 0.1, 0.3, 0.7, 1.0, 1.0],
        [0.6] * 12,
    ]
)
STORE_HOURS = np.array([0] * 10 + [3, 5, 6, 6, 6.5, 9, 10, 10, 10.5, 11, 8, 4] + [0, 0], dtype=float)
ONLINE_HOURS = np.array(
    [3, 1.5, 0.7, 0.4, 0.3, 0.4, 0.8, 1.8, 3, 4, 4.8, 5, 5.2, 4.8, 4.2, 4, 4, 4, 4.2, 5.5, 8.5, 10, 10.5, 8],
    dtype=float,
)


def to_new_year(day: date) -> int:
    """Return the days from a date to the nearest lunar new year, negative before it."""
    return min(((day - other).days for other in NEW_YEARS), key=abs)


@lru_cache(maxsize=1024)
def season(day: date) -> float:
    """Return the factor on everybody's purchase hazard on a date; 1 on a usual day."""
    return MONTHS[day.month - 1] * _week(day) * _payday(day) * _festival(day)


def _week(day: date) -> float:
    return (0.86, 0.84, 0.86, 0.9, 1.0, 1.32, 1.26)[day.weekday()]


def _payday(day: date) -> float:
    return {10: 1.22, 11: 1.1, 15: 1.25, 16: 1.12}.get(day.day, 1.0)


def _festival(day: date) -> float:
    near = to_new_year(day)
    if -1 <= near <= 6:
        return 0.35
    if -21 <= near <= -3:
        return 1.25
    if day.month == 6 and day.day <= 20:
        return 2.3 if 16 <= day.day <= 18 else 1.25
    if day.month == 11 and day.day <= 11:
        return 3.4 if day.day in (1, 11) else 1.3
    if day.month == 12 and 10 <= day.day <= 12:
        return 1.8
    return 1.3 if (day.month, day.day) in ((5, 1), (5, 2), (10, 1), (10, 2), (10, 3), (3, 8), (5, 20)) else 1.0


@lru_cache(maxsize=1024)
def channel_weights(day: date) -> tuple[float, float, float, float]:
    """Return the factor on each channel's buyers on a day (store, shop, market, mall), about 1 on a usual one."""
    store = 2.1 if day.weekday() >= 5 else 0.75
    if -1 <= to_new_year(day) <= 6:
        return store * 1.2, 0.4, 0.5, 0.8
    if (day.month == 6 and day.day <= 20) or (day.month == 11 and day.day <= 11):
        return store * 0.7, 1.6, 1.8, 1.2
    return store, 1.0, 1.0, 1.0


def hours(channel: int, day: date) -> Floats:
    """Return float64 (24,): a channel's purchases by hour, as shares of the day."""
    shape = ONLINE_HOURS.copy() if channel else STORE_HOURS.copy()
    if channel == STORE and day.weekday() >= 5:
        shape[13:19] *= 1.25
    if channel and (day.month, day.day) in ((11, 1), (11, 11), (6, 18)):
        shape[0] *= 4
    return np.asarray(shape / shape.sum())


def fit(day: date) -> Floats:
    """Return float64 (5,): the demand for goods of each season on a day, 0 to 1."""
    later = day + timedelta(days=15)
    share = day.day / 31
    return np.asarray(
        SEASON_FIT[:, day.month - 1] * (1 - share / 2) + SEASON_FIT[:, (later.month - 1) % 12] * share / 2
    )
