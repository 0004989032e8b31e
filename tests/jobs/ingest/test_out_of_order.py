"""Out-of-order days and held back files do not end or change rows that are current."""

from __future__ import annotations

from collections import Counter
from datetime import date

import pytest
from test_again import CATALOGUE, HEAD, current, line, orders
from till import TILL

from jobs.ingest.steps import replay

STRICT = TILL.replace("bad_share: 0.9", "bad_share: 0.1")
CHANGES = CATALOGUE.replace("delivers: snapshot", "delivers: changes").replace(
    "deleted_when: absent\nvolume: {at_least: 0}\n", ""
)
CONSENTS = """
describes: Consents.
owner: crm
reads: {path: "consents/{day}.csv", format: csv}
delivers: snapshot
freshness: {hours: 480}
deleted_when: absent
volume: {at_least: 0}
person: [{kind: phone, value: phone}]
fills:
  consents: {purpose: "'messages'", channel: "'sms'", state: state, changed_at: at}
"""
STATES = """
describes: Orders, a row per line and state.
owner: ecommerce
reads: {path: "market/{day}.csv", format: csv}
delivers: changes
freshness: none
bad_share: 0.9
fills:
  order_lines:
    order_id: "order"
    line: "line"
    ordered_at: "'2024-01-01 09:00:00'"
    kind: "'sale'"
    status: "state"
    sku: "'a'"
    amount: "amount"
    updated_at: "changed"
  orders:
    one_row_per: [order, changed]
    order_id: "order"
    ordered_at: "'2024-01-01 09:00:00'"
    kind: "'purchase'"
    status: "min(state)"
    amount: "sum(cast(amount as decimal(18, 2)))"
    updated_at: "changed"
"""


def test_a_held_back_file_is_a_breach_until_it_is_replaced(retailer):
    retailer.declare("sources/till.yml", STRICT)
    retailer.land("till/2024-01-01/s.csv", HEAD + line("r1", 1, "10.00"))
    retailer.ingest("till", "2024-01-01")
    retailer.land("till/2024-01-02/s.csv", HEAD + "".join(line(f"b{n}", 1, "x") for n in range(9)))
    for day in ("2024-01-02", "2024-01-02", "2024-01-03"):
        assert list(retailer.breached("till", day).breaches) == ["held back till/2024-01-02/s.csv"]
    retailer.land("till/2024-01-02/s.csv", HEAD + line("b1", 1, "1.00"))
    assert retailer.ingest("till", "2024-01-03").breaches == {}


def test_bad_lines_of_a_new_day_hold_back_only_their_receipts(retailer):
    retailer.declare("sources/till.yml", STRICT)
    receipts = [f"r{n:02}" for n in range(12)]
    others = "".join(line(f"n{n:02}", 1, "1.00") for n in range(60))
    retailer.land("till/2024-01-01/s.csv", HEAD + "".join(line(receipt, 1, "1.00") for receipt in receipts))
    retailer.ingest("till", "2024-01-01")

    def second(*bad):
        lines = "".join(line(receipt, 2, "x" if receipt in bad else "1.00") for receipt in receipts)
        retailer.land("till/2024-01-02/s.csv", HEAD + lines + others)
        retailer.ingest("till", "2024-01-02")
        return Counter(amount for receipt, amount, _ in orders(retailer) if receipt in receipts)

    assert second(*receipts[:6]) == {"2.00": 6}
    assert second() == {"2.00": 12}
    assert len(current(retailer, "order_lines", "order_id", "line")) == 84


@pytest.mark.parametrize("text", [CATALOGUE, CHANGES])
@pytest.mark.parametrize("days", [("01", "03", "02"), ("01", "02", "01")])
def test_an_older_day_that_arrives_later_does_not_replace_a_newer_one(retailer, text, days):
    """The newest day repeats what silver has from the first one, so that silver has no version of the newest day."""
    retailer.declare("sources/catalogue.yml", text)
    for run, (day, name) in enumerate(zip(days, ("A", "A", "wrong"), strict=True), start=3):
        retailer.land(f"catalogue/2024-01-{day}.csv", f"sku,name\na,{name}\nb,B\n")
        retailer.ingest("catalogue", f"2024-01-0{run}")
    assert current(retailer, "products", "sku", "product") == [("a", "A"), ("b", "B")]


@pytest.mark.parametrize("days", [("01", "02"), ("02", "01")])
def test_a_withdrawal_in_a_late_snapshot_stays(retailer, days):
    retailer.declare("sources/consents.yml", CONSENTS)
    rows = {
        "01": "13812340101,withdrawn,2024-01-01 10:00:00\n13812340102,granted,2024-01-01 10:00:00\n",
        "02": "13812340102,granted,2024-01-01 10:00:00\n",
    }
    for day in days:
        retailer.land(f"consents/2024-01-{day}.csv", "phone,state,at\n" + rows[day])
        retailer.ingest("consents", "2024-01-03")
    assert current(retailer, "consents", "state") == [("granted",), ("withdrawn",)]


@pytest.mark.long
def test_an_order_whose_new_state_becomes_bad_returns_to_the_one_before(retailer):
    retailer.declare("sources/market.yml", STATES)
    head = "order,line,state,changed,amount\n"
    first, second = "2024-01-01 10:00:00", "2024-01-02 12:00:00"
    retailer.land("market/2024-01-01.csv", f"{head}o,1,paid,{first},10.00\no,2,paid,{first},5.00\n")
    retailer.ingest("market", "2024-01-01")
    good = f"{head}o,1,cancelled,{second},10.00\no,2,cancelled,{second},5.00\n"
    for day, text in (("2024-01-02", good), ("2024-01-03", good.replace("5.00", "x")), ("2024-01-04", good)):
        retailer.land("market/2024-01-02.csv", text)
        retailer.ingest("market", day)
        state = "paid" if "x" in text else "cancelled"
        context = retailer.context(day)
        for _ in range(2):
            assert current(retailer, "orders", "order_id", "status", "amount") == [("o", state, "15.00")]
            lines = current(retailer, "order_lines", "line", "status", "amount")
            assert lines == [("1", state, "10.00"), ("2", state, "5.00")]
            replay(context, context.catalogue.sources["market"], frozenset([date(2024, 1, 1)]))
