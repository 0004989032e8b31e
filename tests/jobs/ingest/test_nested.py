"""Feeds as shops really send them: orders with lists in them, late states, documents, renamed columns."""

import json

import pytest

SHOP = """
describes: Orders with their lines inside.
owner: e
reads: {path: "web/{day}.jsonl", format: jsonl}
delivers: changes
freshness: none
repeats: drop
person:
  - {kind: ouid, scope: web, value: buyer.id}
fills:
  order_lines:
    each: orders
    order_id: "tid"
    line: "orders._position"
    ordered_at: "created"
    kind: "'sale'"
    status: "if(orders.refund = 'SUCCESS', 'cancelled', 'paid')"
    sku: "orders.sku"
    quantity: "orders.num"
    amount: "orders.payment"
    updated_at: "modified"
  orders:
    each: orders
    one_row_per: [tid, modified]
    order_id: "tid"
    ordered_at: "min(cast(created as timestamp))"
    kind: "'purchase'"
    status: "'paid'"
    amount: "sum(if(orders.refund = 'SUCCESS', 0, cast(orders.payment as decimal(18, 2))))"
    channel: "'online'"
    updated_at: "modified"
"""
STAFF = """
describes: Employees.
owner: e
reads: {path: "staff/{day}.json", format: json, records: people, aliases: {编号: 员工号}}
delivers: snapshot
freshness: none
deleted_when: absent
fills:
  staff:
    staff: "员工号"
    display_name: "姓名"
    region: "大区"
"""
DAYS = ("2024-07-01", "2024-07-02", "2024-07-03")


def order(tid, modified, *lines, buyer="b1"):
    items = [{"sku": sku, "num": 1, "payment": payment, "refund": refund} for sku, payment, refund in lines]
    row = {"tid": tid, "created": "2024-07-01 09:00:00", "modified": modified, "buyer": {"id": buyer}, "orders": items}
    return json.dumps(row, ensure_ascii=False) + "\n"


def test_lines_come_out_of_lists_and_a_broken_element_quarantines_its_order(retailer):
    retailer.declare("sources/web.yml", SHOP)
    good = order("1", "2024-07-01 10:00:00", ("a", "10.00", ""), ("b", "2.50", "SUCCESS"))
    bad = order("2", "2024-07-01 10:00:00", ("a", "10.00", ""), ("b", "待定", ""))
    no_list = (
        '{"tid": "3", "created": "2024-07-01 09:00:00", "modified": "2024-07-01 09:00:00", "buyer": {"id": "b"}}\n'
    )
    retailer.land("web/2024-07-01.jsonl", good + good + bad + no_list)
    outcome = retailer.ingest("web", "2024-07-01")
    assert (outcome.rows_in, outcome.quarantined) == (4, 2)
    assert outcome.facts.dropped == {"exact repeat of another row": 1}
    lines = retailer.rows("silver/order_lines", "order_id", "line", "sku", "status")
    assert lines == [("1", 1, "a", "paid"), ("1", 2, "b", "cancelled")]
    assert [(o, str(a)) for o, a in retailer.rows("silver/orders", "order_id", "amount")] == [("1", "10.00")]
    reasons = dict(retailer.rows("quarantine/web", "_row", "reasons"))
    assert any("amount" in reason for reason in reasons[3])
    assert "order_lines: orders is missing" in reasons[4]
    assert retailer.rows("silver/identifiers", "kind", "value") == [("ouid", "b1")]


@pytest.mark.long
def test_an_old_state_never_replaces_a_newer_one_whatever_the_order_of_the_days(tmp_path):
    from shop import Retailer

    orders = []
    for order_of_days in ((0, 1, 2), (1, 2, 0), (2, 1, 0)):
        days = [DAYS[place] for place in order_of_days]
        shop = Retailer(tmp_path / "".join(map(str, order_of_days)))
        shop.declare("sources/web.yml", SHOP)
        (shop.home / "person.key").write_text("a" * 64)
        states = {
            DAYS[0]: order("1", "2024-07-01 10:00:00", ("a", "10.00", "")),
            DAYS[1]: order("1", "2024-07-02 10:00:00", ("a", "12.00", "")),
            # The first state is sent again on the third day.
            DAYS[2]: order("1", "2024-07-01 10:00:00", ("a", "10.00", ""))
            + order("2", "2024-07-03 08:00:00", ("c", "1", "")),
        }
        for day in days:
            shop.land(f"web/{day}.jsonl", states[day])
            shop.ingest("web", max(days[: days.index(day) + 1]))
        now = shop.rows("silver/orders", "order_id", "amount", "replaced_on")
        orders.append([(order_id, str(amount)) for order_id, amount, replaced in now if replaced is None])
        shop.close()
    assert orders == [[("1", "12.00"), ("2", "1.00")]] * 3


def test_a_document_gives_rows_and_columns_may_have_aliases(retailer):
    retailer.declare("sources/staff.yml", STAFF)
    first = {"大区": "华东", "people": [{"员工号": "E1", "姓名": "王芳"}, {"员工号": "E2", "姓名": "李明"}]}
    second = {"大区": "华东", "people": [{"编号": "E1", "姓名": "王芳"}]}
    retailer.land("staff/2024-07-01.json", json.dumps(first))
    retailer.land("staff/2024-07-02.json", json.dumps(second))
    retailer.land("staff/2024-07-03.json", "[1, 2]")
    outcome = retailer.breached("staff", "2024-07-03")
    assert "is not one JSON object" in " ".join(outcome.breaches.values())
    # The third day's list cannot be read, so it does not end anybody.
    assert "no key was ended by the snapshots of 2024-07-03" in " ".join(outcome.notes)
    rows = retailer.rows("silver/staff", "staff", "display_name", "region", "replaced_on")
    assert [(r[0], r[1], r[2], str(r[3])) for r in rows] == [
        ("E1", "王芳", "华东", "None"),
        ("E2", "李明", "华东", "2024-07-02"),
    ]
