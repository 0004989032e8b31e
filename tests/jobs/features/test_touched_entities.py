"""A day computes the entities that it touches; the result equals a full computation, whatever has happened."""

from __future__ import annotations

from collections import Counter

import pytest
from histories import BEFORE, JOBS, History

from quanyu.point_in_time import as_of, touched, view_parts
from quanyu.run.runner import Context, perform

VIEWS = (
    "ever",
    "order_gaps",
    "weights",
    "tastes",
    "baskets",
    "style_lines",
    "recency",
    "value",
    "engagement",
    "preference",
    "product_sales",
)


def computed(context: Context, name: str) -> list[tuple]:
    if name in JOBS:
        rows = as_of.of_job(context, as_of.job_of(context.catalogue.tables[name]), context.day)
    else:
        rows = view_parts.compute(context, context.catalogue.views[name], context.day).drop("as_of")
    columns = list(context.catalogue.tables[name].columns)
    return sorted((tuple(row) for row in rows.select(*columns).collect()), key=str)


def stored(context: Context, name: str) -> list[tuple]:
    rows = context.lake.table(context.catalogue.tables[name])
    return sorted((tuple(row) for row in rows.collect()), key=str)


def walk(history, runs):
    """Run the days; returns how often each view was computed by what it touched, and how often in full."""
    ways = Counter()
    for number in range(runs):
        if number:
            history.go_on()
        context = history.shop.context(str(history.day))
        for step in (*BEFORE, *(f"features.{view}" for view in VIEWS)):
            notes, name = perform(context, context.step(step)).outcome.notes, step.removeprefix("features.")
            if name in (*JOBS, *VIEWS):
                ways[name, "full" if any("in full" in note for note in notes) else "touched"] += 1
                assert stored(context, name) == computed(context, name), (name, history.day, notes)
    return ways


@pytest.fixture(autouse=True)
def _never_in_full_for_speed(monkeypatch):
    monkeypatch.setattr(touched, "LARGEST_SHARE", 10)


@pytest.mark.long
@pytest.mark.parametrize("seed", [1])
def test_touched_entities_give_what_a_full_computation_gives(retailer, seed):
    ways = walk(History(retailer, seed), 6)
    by_day = {*VIEWS, "activity", "item_paths"} - {"weights"}
    # Beside the first run, one of none or of few rows may be in full.
    assert {name for name in by_day if ways[name, "touched"] >= 4} == by_day


@pytest.mark.long
@pytest.mark.parametrize("seed", [0, *range(2, 12)])
def test_many_histories_give_what_a_full_computation_gives(retailer, seed):
    walk(History(retailer, seed), 12)
