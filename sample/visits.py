"""When each person buys: at their own pace, quickened by the calendar, from their first day until their last."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np

from sample.population import BEFORE, Person

LAST = 3650
# How regular people are: 1 is pure chance; at 3 a silence of three usual gaps means something.
REGULARITY = 3.0
WEEKDAYS = (0.8, 0.8, 0.85, 0.9, 1.1, 1.35, 1.2)
MONTHS = (1.1, 0.8, 0.9, 0.95, 1.05, 1.1, 0.9, 0.85, 1.0, 1.05, 1.15, 1.15)
# Bargain hunters buy in the months of the great sales (6.18, 11.11, New Year) and seldom between them.
SALES, BETWEEN = {1: 2.0, 6: 2.0, 11: 2.5}, 0.4


def draw_visits(people: list[Person], start: date, seed: int) -> dict[int, list[int]]:
    """Return the places in `people` of those who buy, by day after the opening."""
    clocks = [_clock(start, hunter) for hunter in (False, True)]
    visits: dict[int, list[int]] = {}
    for place, person in enumerate(people):
        rng = np.random.default_rng([seed, 5, person.number])
        for day in _days(rng, person, clocks[person.hunter]):
            visits.setdefault(int(day), []).append(place)
    return visits


def _clock(start: date, hunter: bool) -> np.ndarray:
    """Return the days' cumulative weight: a clock that runs faster when people buy more."""
    days = [start + timedelta(days=day) for day in range(-BEFORE, LAST + 1)]
    return np.cumsum([_weight(day, hunter) for day in days])


def _weight(day: date, hunter: bool) -> float:
    feast = 2.5 if (day.month, day.day) == (11, 11) else 1.0
    hunt = SALES.get(day.month, BETWEEN) if hunter else 1.0
    return WEEKDAYS[day.weekday()] * MONTHS[day.month - 1] * feast * hunt


def _days(rng: np.random.Generator, person: Person, clock: np.ndarray) -> np.ndarray:
    begin, end = clock[person.joined + BEFORE], clock[min(person.left, LAST) + BEFORE]
    enough = int((end - begin) * person.rate * 2) + 30
    times = begin + np.cumsum(rng.gamma(REGULARITY, 1 / (person.rate * REGULARITY), enough))
    days = np.searchsorted(clock, times[times < end]) - BEFORE
    first = [person.joined] if rng.random() < 0.85 else []
    return np.unique(np.concatenate([np.array(first, dtype=np.int64), days]))
