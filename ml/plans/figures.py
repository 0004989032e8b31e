"""The figures behind a plan, as rows of a table and in words."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import numpy as np

from ml.plans.decision import BY_CUSTOMER, NOBODY, DecidedPlan
from ml.uplift.resampling import ConfidenceInterval
from quanyu.grammar.offers.offer import CONTROL

REACHED = "reached"
KEPT = "reached, with what is left for those who drew another arm to explore"
Row = dict[str, Any]


def figures_of(decided: DecidedPlan, campaign: str, day: date) -> list[Row]:
    """Rows of the figures of a plan. Columns that a figure lacks are left out."""
    rows = [*_of_plan(decided), *_of_limits(decided), *_of_evidence(decided)]
    rows.append({"measure": "verdict", "subject": "", "words": verdict(decided)})
    return [{"campaign": campaign, "as_of": day, **row} for row in rows]


def customers_by_arm(decided: DecidedPlan) -> dict[str, int]:
    """How many customers were planned for each arm."""
    counts = np.bincount(decided.plan.arm, minlength=len(decided.numbers.arms))
    return dict(zip(decided.numbers.arms, counts.tolist(), strict=True))


def _of_plan(decided: DecidedPlan) -> Iterator[Row]:
    arms, plan = decided.numbers.arms, decided.plan
    drawn = np.bincount(plan.arm[plan.explored], minlength=len(arms))
    for arm, count in customers_by_arm(decided).items():
        yield {"measure": "customers", "subject": arm, "value": float(count)}
        yield {"measure": "drawn", "subject": arm, "value": float(drawn[arms.index(arm)])}
    yield {"measure": "gain", "subject": "", "value": plan.gain, "most": plan.bound}


def _of_limits(decided: DecidedPlan) -> Iterator[Row]:
    limits = decided.limits
    used = limits.used(decided.plan.arm)
    fits = limits.room(used)
    for name, amount, most, binds, more in zip(limits.names, used, limits.most, decided.binding, fits, strict=True):
        row = {"measure": "used", "subject": name, "value": float(amount), "most": float(most)}
        yield {**row, "words": (KEPT if more else REACHED) if binds else None}


def _of_evidence(decided: DecidedPlan) -> Iterator[Row]:
    if decided.evidence is None:
        return
    values = decided.evidence.values
    for name, figure in values.values.items():
        yield {"measure": "value", "subject": name, **_bounds(figure)}
    yield {"measure": "over", "subject": BY_CUSTOMER, **_bounds(values.over[BY_CUSTOMER]), "words": values.reference}


def _bounds(figure: ConfidenceInterval) -> Row:
    return {"value": figure.value, "low": figure.low, "high": figure.high}


def verdict(decided: DecidedPlan) -> str:
    """How the campaign was planned and why, in a sentence."""
    return f"{_planned(decided)}: {_why(decided)}"


def _planned(decided: DecidedPlan) -> str:
    if not decided.single:
        return "Planned by customer"
    if decided.single == CONTROL:
        return "Nobody gets an arm" + (", but for those who explore" if decided.plan.arm.any() else "")
    return f"{decided.single} for all, as far as limits and rules allow"


def _why(decided: DecidedPlan) -> str:
    evidence = decided.evidence
    if evidence is None:
        words = "past assignments are too few to measure a plan by customer on some that nothing was learned from"
        return f"{words}; by the average of all of them, {_best_on_average(decided)}."
    values, where = evidence.values, f"on {evidence.rows:,} past assignments that nothing was learned from"
    over, reference = in_words(values.over[BY_CUSTOMER]), values.reference
    if not decided.single:
        own = in_words(values.values[BY_CUSTOMER])
        return f"{where}, it gains {own} per customer, surely more than {reference} does: {over}."
    words = f"a plan by customer is not surely better than {reference}: it gains {over} more per customer {where}"
    return (
        f"{words}."
        if reference == NOBODY
        else f"{words}, where {reference} gains {in_words(values.values[reference])}."
    )


def _best_on_average(decided: DecidedPlan) -> str:
    return "no arm gains" if decided.single == CONTROL else f"{decided.single} gains most"


def in_words(figure: ConfidenceInterval) -> str:
    """A figure with its interval, with the digits that a reader needs."""
    return f"{figure.value:,.3g} [{figure.low:,.3g}, {figure.high:,.3g}]"
