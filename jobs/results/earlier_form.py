"""Homes of earlier releases: the table of campaign results had whole conversions."""

from __future__ import annotations

from quanyu.home.migration import Migration
from quanyu.lake import place_of
from quanyu.model.touch import AdResults
from quanyu.run.runner import Context


def fractional_conversions() -> Migration:
    """The migration of silver's campaign results: the table is removed, and ingest rebuilds it from bronze."""
    return Migration(
        f"conversions in {place_of(AdResults)} may have fractions now, and the next run rebuilds it from bronze",
        _is_whole, lambda context: context.lake.drop(AdResults),
    )  # fmt: skip


def _is_whole(context: Context) -> bool:
    place = place_of(AdResults)
    if not context.lake.exists(place):
        return False
    return str(context.lake.arrow(place).schema.field("conversions").type) == "int64"
