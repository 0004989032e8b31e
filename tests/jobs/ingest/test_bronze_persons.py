"""Bronze says whom each row is about, by the person key of the rows of silver that came from it."""

from __future__ import annotations

from datetime import date

import pytest
from members import CRM

from jobs.ingest.landing import bronze
from jobs.ingest.steps import replay

SALES = """
describes: Receipts of the tills.
owner: retail
reads: {path: "sales/{day}/*.csv", format: csv}
delivers: events
freshness: none
bad_share: 1
person: [{kind: member, scope: brand, value: card}, {kind: phone, value: mobile}]
fills:
  orders: {order_id: order_no, ordered_at: at, kind: "'purchase'", status: "'paid'", amount: amount}
"""
HEADER = "order_no,at,card,mobile,amount,note\n"
ROWS = (
    "1,2024-07-01 10:00:00, M1 ,13800000001,10,x\n"
    "2,2024-07-01 10:00:00,,13800000002,20,\n"
    "3,2024-07-01 10:00:00,,,30,nobody\n"
    "4,2024-07-01 10:00:00,M4,,much,refused\n"
    "5,2024-07-01 10:00:00,,1234,50,no phone\n"
)
FIRST, SECOND = "sales/2024-07-01/a.csv", "sales/2024-07-01/b.csv"


@pytest.fixture
def shop(retailer):
    retailer.declare("sources/sales.yml", SALES)
    retailer.land(FIRST, HEADER + ROWS)
    return retailer


def persons(retailer, place="bronze/sales", column="_person"):
    """Person of each row of a table, by file and row."""
    return {(file, row): person for file, row, person in retailer.rows(place, "_file", "_row", column)}


def standing(retailer, place):
    """Person of each row of silver that was not replaced, by the file and row that it came from."""
    rows = retailer.rows(place, "_file", "_row", "person_key", "replaced_on")
    return {(file, row): person for file, row, person, replaced_on in rows if replaced_on is None}


def test_a_row_has_the_person_of_its_rows_in_silver_and_in_quarantine(shop):
    shop.ingest("sales", "2024-07-01")
    good, bad = standing(shop, "silver/orders"), persons(shop, "quarantine/sales", "person_key")
    assert (len(good), len(bad)) == (4, 1)
    assert persons(shop) == good | bad
    assert [person is not None for person in persons(shop).values()] == [True, True, False, True, False]


def test_values_stay_as_received(shop):
    shop.ingest("sales", "2024-07-01")
    rows = shop.rows("bronze/sales", "_row", "order_no", "card", "mobile", "amount", "_rest")
    assert rows[0] == (1, "1", " M1 ", "13800000001", "10", '{"note":"x"}')
    assert [card for _, _, card, *_ in rows] == [" M1 ", None, None, "M4", None]


def test_a_feed_without_person_names_nobody(shop):
    shop.declare("sources/sales.yml", SALES.replace("person: [", "# person: ["))
    shop.ingest("sales", "2024-07-01")
    assert list(persons(shop).values()) == [None] * 5


def test_a_refused_file_names_nobody(shop):
    shop.land(SECOND, "order_no,at\n9,2024-07-01 10:00:00\n")
    shop.breached("sales", "2024-07-01")
    assert [person for (file, _), person in persons(shop).items() if file == SECOND] == [None]
    assert standing(shop, "silver/orders").items() < persons(shop).items()


def test_a_corrected_file_and_a_late_one_of_its_day(shop):
    shop.ingest("sales", "2024-07-01")
    before = persons(shop)
    shop.land(FIRST, HEADER + ROWS.replace(" M1 ", "M7"))
    shop.land(SECOND, HEADER + "6,2024-07-01 11:00:00,M4,,10,\n")
    shop.ingest("sales", "2024-07-02")
    after = persons(shop)
    assert [row for (file, row), person in before.items() if after[file, row] != person] == [1]
    assert after[SECOND, 1] == after[FIRST, 4]
    assert standing(shop, "silver/orders").items() < after.items()


def test_persons_follow_a_contract_by_which_a_day_is_mapped_again(shop):
    shop.land("sales/2024-07-02/a.csv", HEADER + ROWS.replace("2024-07-01", "2024-07-02"))
    shop.ingest("sales", "2024-07-02")
    before, columns = persons(shop), ("_file", "_row", "card", "mobile", "_rest", "_day")
    received = shop.rows("bronze/sales", *columns)
    shop.declare("sources/sales.yml", SALES.replace("{kind: member, scope: brand, value: card}, ", ""))
    context = shop.context("2024-07-02")
    replay(context, context.catalogue.sources["sales"], frozenset([date(2024, 7, 1)]))
    after = persons(shop)
    # By phone, the first row is somebody else, and the fourth nobody; the other day is as it was.
    assert {row: person for row, person in after.items() if before[row] != person}.keys() == {(FIRST, 1), (FIRST, 4)}
    assert after[FIRST, 4] is None
    assert shop.rows("bronze/sales", *columns) == received


def test_rows_of_a_value_that_turns_out_to_name_many_people(retailer):
    retailer.declare("sources/crm.yml", CRM)
    for n in range(1, 8):
        row = f"VIP,Person {n},1381234{n:04}\n"
        retailer.land(f"crm/2024-07-{n:02}.csv", f"card,name,phone\n{row}")
        retailer.ingest("crm", f"2024-07-{n:02}")
    assert persons(retailer, "bronze/crm") == standing(retailer, "silver/people")
    assert len(set(persons(retailer, "bronze/crm").values())) == 7


def test_a_home_of_before_learns_the_persons_of_the_days_that_are_mapped(shop, monkeypatch):
    columns = {
        name: kind
        for name, kind in bronze.columns_of(shop.context("2024-07-01").catalogue.sources["sales"]).items()
        if name != "_person"
    }
    monkeypatch.setattr(bronze, "columns_of", lambda source: columns)
    shop.ingest("sales", "2024-07-01")
    assert "_person" not in shop.table("bronze/sales").column_names
    monkeypatch.undo()
    shop.land("sales/2024-07-02/a.csv", HEADER + ROWS.replace("2024-07-01", "2024-07-02"))
    shop.ingest("sales", "2024-07-02")
    assert {person for (file, _), person in persons(shop).items() if file == FIRST} == {None}
    shop.land(SECOND, HEADER + "6,2024-07-01 11:00:00,M4,,10,\n")
    shop.ingest("sales", "2024-07-03")
    assert [person is not None for (file, _), person in persons(shop).items() if file == FIRST].count(True) == 3
