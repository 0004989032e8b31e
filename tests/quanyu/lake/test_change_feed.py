"""What Delta's change feed tells since a commit, and what it cannot tell any more."""

from __future__ import annotations

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from quanyu.lake.changes import changed, mark

KEYS = ["source", "person_key"]
ROWS = pa.table({"source": ["crm", "pos", "pos"], "person_key": ["1", "2", "2"], "value": ["a", "b", "c"]})


@pytest.fixture
def path(tmp_path) -> str:
    write_deltalake(tmp_path / "table", ROWS, configuration={"delta.enableChangeDataFeed": "true"})
    return str(tmp_path / "table")


def test_a_table_is_marked_by_itself_and_its_last_commit(path, tmp_path):
    first = mark(path)
    assert first is not None and first.version == 0
    write_deltalake(path, ROWS, mode="append")
    assert mark(path) == (first.table, 1)
    assert mark(str(tmp_path / "nowhere")) is None


def test_keys_of_rows_that_came_and_went_are_told_once(path):
    DeltaTable(path).delete("value = 'b'")
    write_deltalake(path, ROWS.slice(0, 1), mode="append")
    assert sorted(map(str, changed(path, 0, KEYS).to_pylist())) == sorted(
        map(str, [{"source": "pos", "person_key": "2"}, {"source": "crm", "person_key": "1"}])
    )
    assert changed(path, 1, KEYS).to_pylist() == [{"source": "crm", "person_key": "1"}]
    assert changed(path, 2, KEYS).num_rows == 0


def test_nothing_is_told_where_the_feed_was_cleared_away(path, tmp_path):
    DeltaTable(path).delete("value = 'b'")
    for file in (tmp_path / "table" / "_change_data").glob("*.parquet"):
        file.unlink()
    assert changed(path, 0, KEYS) is None
