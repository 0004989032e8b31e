"""Staged rows are read back unchanged, however few."""

from __future__ import annotations

ROWS = "select timestamp'2024-01-01 00:00:00' as at, array('a') as words, 'a' as key"


def test_rows_of_which_none_is_left_keep_their_columns(retailer):
    lake = retailer.context("2024-07-01").lake
    staged = lake.staging.stage(lake.spark.sql(f"{ROWS} where 1 = 0"))
    assert (staged.count, staged.unique(["key"])) == (0, True)
    assert staged.arrow().schema.names == ["at", "words", "key"]


def test_a_duplicate_key_is_detected(retailer):
    lake = retailer.context("2024-07-01").lake
    assert lake.staging.stage(lake.spark.sql(ROWS)).unique(["key"])
    assert not lake.staging.stage(lake.spark.sql(f"{ROWS} union all {ROWS}")).unique(["key"])
