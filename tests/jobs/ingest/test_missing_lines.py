"""Only a complete day ends a line of a receipt; snapshots end keys within limits, also those of the first load."""

from __future__ import annotations

import pytest
from test_again import CATALOGUE, HEAD, current, line, orders
from till import TILL

from quanyu.errors import ContractError

STRICT = TILL.replace("bad_share: 0.9", "bad_share: 0.1")
WITHOUT_LINES = STRICT[: STRICT.index("  order_lines:")] + STRICT[STRICT.index("  orders:") :]
HELD_BACK = HEAD + "".join(line(f"x{n}", 1, "bad") for n in range(9))
REFUSED = "receipt;line\nr1;1\n"


def breach(retailer, source, day):
    with pytest.raises(ContractError) as error:
        retailer.ingest(source, day)
    return str(error.value)


@pytest.fixture(params=["hold", "mark"])
def till(retailer, request):
    marked = STRICT.replace("one_row_per: receipt\n", "one_row_per: receipt\n    when_incomplete: mark\n")
    retailer.declare("sources/till.yml", marked if request.param == "mark" else STRICT)
    return retailer


@pytest.mark.parametrize(
    "replacement", [HELD_BACK, pytest.param(REFUSED, marks=pytest.mark.long)], ids=["held back", "refused"]
)
def test_a_receipt_whose_first_part_is_replaced_by_a_bad_file_stays(till, replacement):
    till.land("till/2024-01-01/s.csv", HEAD + line("r1", 1, "10.00") + line("r2", 1, "1.00"))
    till.ingest("till", "2024-01-01")
    till.land("till/2024-01-01/s.csv", replacement)
    till.land("till/2024-01-02/s.csv", HEAD + line("r1", 2, "5.00") + line("r3", 1, "3.00"))
    breach(till, "till", "2024-01-02")
    assert orders(till) == [("r1", "10.00", "1"), ("r2", "1.00", "1"), ("r3", "3.00", "1")]
    assert ("r1", "2") not in current(till, "order_lines", "order_id", "line")
    reasons = {str(row[0]): row[1] for row in till.rows("quarantine/till", "_day", "reasons")}
    assert reasons["2024-01-02"] == ["orders: a row of the same order_id is missing on a day that is not complete"]
    # The day is corrected: the receipt is the sum of both of its parts.
    till.land("till/2024-01-01/s.csv", HEAD + line("r1", 1, "11.00") + line("r2", 1, "1.00"))
    till.ingest("till", "2024-01-03")
    assert orders(till) == [("r1", "16.00", "2"), ("r2", "1.00", "1"), ("r3", "3.00", "1")]
    assert till.rows("quarantine/till", "_day") == []


def test_a_receipt_whose_lines_have_no_key_stays_too(retailer):
    retailer.declare("sources/till.yml", WITHOUT_LINES)
    retailer.land("till/2024-01-01/s.csv", HEAD + line("r1", "", "10.00"))
    retailer.ingest("till", "2024-01-01")
    retailer.land("till/2024-01-01/s.csv", REFUSED)
    retailer.land("till/2024-01-02/s.csv", HEAD + line("r1", "", "5.00"))
    breach(retailer, "till", "2024-01-02")
    assert orders(retailer) == [("r1", "10.00", "1")]


@pytest.mark.parametrize("other", [line("r9", 1, "x"), ""], ids=["a bad row elsewhere", "whole"])
def test_a_corrected_day_ends_a_line_only_if_it_is_complete(till, other):
    till.land("till/2024-01-01/s.csv", HEAD + line("r1", 1, "10.00") + line("r1", 2, "5.00") + line("r2", 1, "1.00"))
    till.ingest("till", "2024-01-01")
    till.land("till/2024-01-01/s.csv", HEAD + line("r1", 2, "5.00") + line("r2", 1, "2.00") + other)
    till.ingest("till", "2024-01-02")
    lines = [row for row in current(till, "order_lines", "order_id", "line", "amount") if row[0] in ("r1", "r2")]
    r1 = ("r1", "15.00", "2") if other else ("r1", "5.00", "1")
    assert [row for row in orders(till) if row[0] != "r9"] == [r1, ("r2", "2.00", "1")]
    assert lines == [*[("r1", "1", "10.00")] * bool(other), ("r1", "2", "5.00"), ("r2", "1", "2.00")]


def test_a_day_that_is_partly_held_back_is_measured_by_its_earlier_volume(retailer):
    retailer.declare("sources/till.yml", STRICT)
    whole = "".join(line(f"r{n}", 1, "1.00") for n in range(20))
    retailer.land("till/2024-01-01/a.csv", HEAD + whole)
    retailer.ingest("till", "2024-01-01")
    few = "".join(line(f"r{n}", 1, "2.00") for n in range(8))
    retailer.land("till/2024-01-01/a.csv", HEAD + few)
    retailer.land("till/2024-01-01/b.csv", HELD_BACK)
    breach(retailer, "till", "2024-01-02")
    retailer.land("till/2024-01-01/b.csv", HEAD + line("r20", 1, "3.00"))
    retailer.land("till/2024-01-01/a.csv", HEAD + "".join(line(f"r{n}", 1, "3.00") for n in range(5)))
    assert "6 rows of 2024-01-01, which had 20 before" in breach(retailer, "till", "2024-01-03")
    assert len(orders(retailer)) == 20
    assert "3.00" not in {amount for _, amount, _ in orders(retailer)}


def test_snapshots_of_a_first_load_end_no_more_than_later_ones(retailer):
    retailer.declare("sources/catalogue.yml", CATALOGUE)
    files = {day: [f"s{n},S" for n in range(20) if n < 10 or day != 2] for day in (1, 2, 3)}
    for day, rows in files.items():
        retailer.land(f"catalogue/2024-01-0{day}.csv", "sku,name\n" + "\n".join(rows) + "\n")
    assert "10 of 20 rows of products would end with 2024-01-02" in breach(retailer, "catalogue", "2024-01-03")
    assert {str(day) for (day,) in retailer.rows("silver/products", "recorded_on")} == {"2024-01-01"}
    assert len(current(retailer, "products", "sku")) == 20


def test_a_bad_line_that_a_later_day_corrects_no_longer_holds_its_receipt_back(till):
    till.land("till/2024-01-01/s.csv", HEAD + line("r1", 1, "10.00") + line("r1", 2, "x"))
    till.ingest("till", "2024-01-01")
    till.land("till/2024-01-02/s.csv", HEAD + line("r1", 3, "1.00"))
    till.ingest("till", "2024-01-02")
    assert ("r1", "11.00", "2") not in orders(till)
    till.land("till/2024-01-03/s.csv", HEAD + line("r1", 2, "5.00"))
    till.ingest("till", "2024-01-03")
    assert orders(till) == [("r1", "16.00", "3")]
    assert current(till, "order_lines", "line") == [("1",), ("2",), ("3",)]


def test_a_complete_day_ends_no_line_of_a_receipt_that_stays(till):
    for day in (2, 3):
        till.land(f"till/2024-01-0{day}/s.csv", HEAD + line("r1", day - 1, f"{20 / day:.2f}"))
        till.ingest("till", f"2024-01-0{day}")
    before = orders(till), current(till, "order_lines", "order_id", "line", "amount")
    till.land("till/2024-01-03/s.csv", REFUSED)
    till.land("till/2024-01-02/s.csv", HEAD + line("r1", 1, "10.00") + line("r2", 1, "1.00"))
    breach(till, "till", "2024-01-04")
    assert orders(till) == [*before[0], ("r2", "1.00", "1")]
    assert current(till, "order_lines", "order_id", "line", "amount") == [*before[1], ("r2", "1", "1.00")]


def test_an_order_that_is_held_back_ends_with_its_lines(retailer):
    retailer.declare("sources/till.yml", TILL)
    retailer.land("till/2024-01-01/s.csv", HEAD + line("r2", 1, "21.00") + line("r3", 1, "1.00"))
    retailer.ingest("till", "2024-01-01")
    retailer.land("till/2024-01-01/s.csv", HEAD + line("r2", 2, "x") + line("r3", 1, "1.00"))
    retailer.ingest("till", "2024-01-02")
    assert orders(retailer) == [("r3", "1.00", "1")]
    assert current(retailer, "order_lines", "order_id", "line") == [("r3", "1")]
