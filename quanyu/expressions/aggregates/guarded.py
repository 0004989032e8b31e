"""Aggregates over rows of which one may fail: a text that is no number, a division by 0."""

from __future__ import annotations

from quanyu.expressions.aggregates.parts import Form, Merge, Part, added


def _without_last(merge: Merge) -> Merge:
    return lambda columns, conditions: merge(columns[:-1], conditions)


def guarded(form: Form, failing: str) -> Form:
    """The form, without a value and with a loss where `failing`, SQL over a row, holds for any row."""
    part = Part(f"max({failing})")

    def value(*holders: str) -> str:
        return f"if(coalesce({holders[-1]}, false), null, {form.value(*holders[:-1])})"

    def lost(*holders: str) -> str:
        others = f" or {form.lost(*holders[:-1])}" if form.lost else ""
        return f"(coalesce({holders[-1]}, false){others})"

    merges = (*map(_without_last, form.merges), added("max", len(form.by_day()))) if form.merges else ()
    daily = (*form.by_day(), part) if form.merges else ()
    return Form((*form.parts, part), value, form.type, merges, daily, lost)
