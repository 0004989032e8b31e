"""Rows outside the bounds of some keys are left out before a join, whatever the keys are."""

from __future__ import annotations

from quanyu.lake.difference import within_bounds

ROWS = (
    "select * from values ('a', 1, timestamp'2024-01-01 00:00:00'), ('b', 5, timestamp'2024-01-02 00:00:00'),"
    " ('c', 9, timestamp'2024-01-03 00:00:00') as t(key, line, at)"
)


def _keys(rows):
    return sorted(row["key"] for row in rows.collect())


def test_rows_within_the_bounds_of_all_columns_stay(retailer):
    rows = retailer.context("2024-07-01").lake.spark.sql(ROWS)
    keys = rows.where("key in ('a', 'b')")
    assert _keys(within_bounds(rows, keys, ["key", "line"])) == ["a", "b"]


def test_a_time_bounds_nothing(retailer):
    rows = retailer.context("2024-07-01").lake.spark.sql(ROWS)
    assert _keys(within_bounds(rows, rows.where("key = 'b'"), ["at"])) == ["a", "b", "c"]


def test_without_keys_there_is_nothing_to_bound(retailer):
    rows = retailer.context("2024-07-01").lake.spark.sql(ROWS)
    assert _keys(within_bounds(rows, rows.where("false"), ["key"])) == ["a", "b", "c"]
