"""Aggregates whose argument may fail for a row: a text that is not a number, a division by 0."""

from __future__ import annotations

from quanyu.expressions.aggregates.form import AggForm, AggPart, Merge, added


def _without_last(merge: Merge) -> Merge:
    return lambda columns: merge(columns[:-1])


def _any(rows: str) -> str:
    return f"coalesce({rows} > 0, false)"


def guarded(form: AggForm, failing: str) -> AggForm:
    """The form with a null value and a loss if `failing`, SQL over a row, is true for any row."""
    # A count, since one engine is ten times slower for the maximum of booleans by group.
    part = AggPart("count(*)", "bigint", (f"({failing})",))

    def value(*holders: str) -> str:
        return f"if({_any(holders[-1])}, null, {form.value(*holders[:-1])})"

    def lost(*holders: str) -> str:
        others = f" or {form.lost(*holders[:-1])}" if form.lost else ""
        return f"({_any(holders[-1])}{others})"

    merges = (*map(_without_last, form.merges), added("sum", len(form.parts))) if form.merges else ()
    return AggForm((*form.parts, part), value, form.type, merges, lost)
