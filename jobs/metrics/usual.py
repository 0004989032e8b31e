"""What is usual for a metric on a day: a robust interval from the same weekday of the weeks before.

The interval is the median plus or minus THRESHOLD times the scaled median absolute deviation (MAD), as Leys et al.
recommend in place of mean and standard deviation (Journal of Experimental Social Psychology 49, 2013). The factor
1.4826 makes the MAD of a normal distribution its standard deviation (Rousseeuw and Croux, JASA 88, 1993). If more than
half of the values are equal, the MAD is 0, and the mean absolute deviation takes its place (Iglewicz and Hoaglin, How
to Detect and Handle Outliers, 1993).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

WEEKS, FEWEST_WEEKS, THRESHOLD = 8, 6, 3.0
OF_MAD, OF_MEAN = 1.4826, 1.2533


@dataclass(frozen=True)
class Interval:
    """Lowest and highest usual value."""

    low: float
    high: float

    def mark(self, value: float) -> str:
        """`high` or `low` for an unusual value; empty for a usual one."""
        # What differs by less than the twelve digits that are kept of a value is equal.
        slack = 1e-9 * max(abs(self.low), abs(self.high))
        return "high" if value > self.high + slack else "low" if value < self.low - slack else ""


def usual(values: Mapping[date, float], day: date) -> Interval | None:
    """The interval of usual values of a day; None with less than FEWEST_WEEKS values of its weekday in WEEKS weeks."""
    weeks = (day - timedelta(weeks=n) for n in range(1, WEEKS + 1))
    earlier = np.array([values[week] for week in weeks if week in values])
    if len(earlier) < FEWEST_WEEKS:
        return None
    median = float(np.median(earlier))
    deviations = np.abs(earlier - median)
    spread = OF_MAD * float(np.median(deviations)) or OF_MEAN * float(np.mean(deviations))
    return Interval(median - THRESHOLD * spread, median + THRESHOLD * spread)
