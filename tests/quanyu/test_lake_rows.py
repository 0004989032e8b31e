"""Delta written without Spark: the rows, the receipt, the fence, and the table's own rules."""

import pyarrow as pa
import pytest
from deltalake import DeltaTable, Field, Schema
from deltalake.exceptions import DeltaError
from deltalake.schema import PrimitiveType

from quanyu.lake import delta_rs as lake_rows
from quanyu.lake.receipt import receipt_in

RECEIPT = '{"job": "identities", "run": "r1"}'


@pytest.fixture
def table(tmp_path):
    fields = [Field("key", PrimitiveType("string"), False), Field("number", PrimitiveType("long"))]
    made = DeltaTable.create(str(tmp_path / "t"), Schema(fields), configuration={"delta.enableChangeDataFeed": "true"})
    made.alter.add_constraint({"positive": "number > 0"})
    return str(tmp_path / "t")


def rows(**numbers):
    return pa.table({"number": pa.array(list(numbers.values()), pa.int64()), "key": list(numbers)})


def there(path):
    return dict(
        sorted((row["key"], row["number"]) for row in DeltaTable(path).to_pyarrow_dataset().to_table().to_pylist())
    )


def test_rows_are_appended_updated_by_their_key_and_replaced(table):
    lake_rows.append(table, rows(a=1, b=2), lake_rows.told(RECEIPT))
    lake_rows.upsert(table, rows(b=5, c=3), ["key"], lake_rows.told(RECEIPT))
    assert there(table) == {"a": 1, "b": 5, "c": 3}
    lake_rows.replace(table, rows(d=4), lake_rows.told(RECEIPT))
    assert there(table) == {"d": 4}


def test_a_commit_carries_its_receipt_and_its_fence(table):
    lake_rows.append(table, rows(a=1), lake_rows.told(RECEIPT, ("identities/gold/t", 7)))
    found = DeltaTable(table)
    assert found.transaction_version("identities/gold/t") == 7
    assert receipt_in(found.history(1)[0]) == {"job": "identities", "run": "r1"}


def test_what_the_table_forbids_is_not_written(table):
    with pytest.raises(DeltaError, match=r"(?i)positive|constraint|check"):
        lake_rows.append(table, rows(a=-1), lake_rows.told(RECEIPT))
    with pytest.raises((pa.ArrowInvalid, ValueError)):
        lake_rows.append(
            table, pa.table({"key": pa.array([None], pa.string()), "number": [1]}), lake_rows.told(RECEIPT)
        )
    assert there(table) == {}
