"""Staged rows are read back unchanged, however few."""

from __future__ import annotations

import pyarrow as pa

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


def test_tables_are_staged_in_the_types_of_their_columns_and_lack_none(retailer):
    lake = retailer.context("2024-07-01").lake
    columns = {"key": "string", "rank": "int", "words": "array<string>"}
    parts = [pa.table({"rank": [1, 2], "other": [0, 0], "key": ["a", "b"]}), pa.table({"key": pa.nulls(0)}),
             pa.table({"key": ["c"], "words": [["x"]]})]  # fmt: skip
    staged = lake.staging.stage_columns(lake.spark, parts, columns)
    assert [tuple(row) for row in staged.rows.collect()] == [("a", 1, None), ("b", 2, None), ("c", None, ["x"])]
    nothing = lake.staging.stage_columns(lake.spark, [], columns)
    assert (nothing.count, nothing.rows.dtypes) == (0, list(columns.items()))
