"""Files are in natural order, by the numbers in their names."""

import pytest

from jobs.ingest.landing.file_order import file_order

IN_ORDER = [
    "pos/9/a.csv", "pos/10/a.csv", "pos/2024-07-01/a.csv", "pos/2024-07-01/a (1).csv", "pos/2024-07-01/a (2).csv",
    "pos/2024-07-01/a (10).csv", "pos/2024-07-01/part-2.csv.gz", "pos/2024-07-01/part-10.csv.gz",
    "pos/2024-07-01/s.v9.csv", "pos/2024-07-01/s.v10.csv", "pos/2024-07-01/第９批.csv", "pos/2024-07-01/第10批.csv",
    "pos/2024-07-02/20240701235959999-1.csv", "pos/2024-07-02/20240702000000000-1.csv",
]  # fmt: skip


@pytest.mark.parametrize("names", [IN_ORDER, IN_ORDER[::-1]])
def test_numbers_in_names_are_compared_as_numbers(spec_session, names):
    rows = spec_session.createDataFrame([(name,) for name in names], "name string")
    ordered = rows.selectExpr("name", f"{file_order('name')} as place").orderBy("place").collect()
    assert [row["name"] for row in ordered] == IN_ORDER
    # Python sorts these keys in the same order.
    assert [row["name"] for row in sorted(ordered, key=lambda row: row["place"])] == IN_ORDER
