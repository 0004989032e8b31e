"""Complete lists in rows of changes: elements absent from the newest list have ended, in any order of the days."""

import json
import random

import pytest
from shop import Retailer
from test_nested import SHOP, order

LINES = """
describes: Orders of a shop, with the lines inside.
owner: ecommerce
reads: {path: "web/{day}.jsonl", format: jsonl}
delivers: changes
freshness: none
repeats: drop
volume: {at_least: 0}
fills:
  order_lines:
    each: lines
    order_id: "order"
    line: "lines.line"
    ordered_at: "'2024-07-01 09:00:00'"
    kind: "'sale'"
    status: "'paid'"
    sku: "'a'"
    amount: "lines.amount"
    updated_at: "changed"
"""
UNTIMED = LINES.replace('    updated_at: "changed"\n', "")
FIRST, SECOND = "2024-07-01", "2024-07-02"
BOTH = [("a", "10.00", ""), ("b", "5.00", "")]


def lines(shop):
    rows = shop.rows("silver/order_lines", "order_id", "line", "amount", "replaced_on")
    return sorted((row[0], row[1], str(row[2])) for row in rows if row[3] is None)


def state(number, changed, **amounts):
    listed = [{"line": int(name[1:]), "amount": str(amount)} for name, amount in amounts.items()]
    return json.dumps({"order": number, "changed": changed, "lines": listed}) + "\n"


@pytest.mark.parametrize("batches", [[[FIRST], [SECOND]], [[FIRST, SECOND]], [[SECOND], [FIRST]]], ids=str)
def test_a_line_that_is_absent_from_its_order_ends(retailer, batches):
    retailer.declare("sources/web.yml", SHOP)
    states = {
        FIRST: order("t1", "2024-07-01 10:00:00", *BOTH),
        SECOND: order("t1", "2024-07-02 10:00:00", ("b", "6.00", "")) + order("t2", "2024-07-02 11:00:00", *BOTH),
    }
    for days in batches:
        for day in days:
            retailer.land(f"web/{day}.jsonl", states[day])
        retailer.ingest("web", max(days))
    assert lines(retailer) == [("t1", 1, "6.00"), ("t2", 1, "10.00"), ("t2", 2, "5.00")]
    orders = retailer.rows("silver/orders", "order_id", "amount", "replaced_on")
    assert sorted((r[0], str(r[1])) for r in orders if r[2] is None) == [("t1", "6.00"), ("t2", "15.00")]


def test_an_ended_line_is_valid_until_the_day_that_ended_it(retailer):
    retailer.declare("sources/web.yml", LINES)
    for day, text in [
        (FIRST, state("t1", "2024-06-30 10:00:00", l1=1, l2=2)),
        (SECOND, state("t1", "2024-06-30 12:00:00", l1=1)),
    ]:
        retailer.land(f"web/{day}.jsonl", text)
        retailer.ingest("web", day)
    rows = retailer.rows("silver/order_lines", "line", "recorded_on", "replaced_on")
    ended = [(str(recorded_on), str(end)) for line, recorded_on, end in rows if line == 2]
    assert ended == [(FIRST, SECOND)]
    # It returns with a later state of the same day.
    retailer.land("web/2024-07-03.jsonl", state("t1", "2024-06-30 13:00:00", l1=1, l2=2))
    retailer.ingest("web", "2024-07-03")
    assert lines(retailer) == [("t1", 1, "1.00"), ("t1", 2, "2.00")]


def test_two_states_of_one_day_and_rows_of_one_moment(retailer):
    retailer.declare("sources/web.yml", LINES)
    newest_first = state("t1", "2024-07-01 12:00:00", l2=2) + state("t1", "2024-07-01 10:00:00", l1=1, l2=1)
    parcels = state("t2", "2024-07-01 10:00:00", l1=1) + state("t2", "2024-07-01 10:00:00", l2=2)
    retailer.land(f"web/{FIRST}.jsonl", newest_first + parcels)
    retailer.ingest("web", FIRST)
    assert lines(retailer) == [("t1", 2, "2.00"), ("t2", 1, "1.00"), ("t2", 2, "2.00")]


def test_an_empty_list_ends_its_elements_and_gives_no_order(retailer):
    retailer.declare("sources/lines.yml", LINES)
    retailer.declare("sources/web.yml", SHOP.replace("web/", "shop/"))
    retailer.land(f"web/{FIRST}.jsonl", state("t1", "2024-07-01 10:00:00", l1=1))
    retailer.land(f"shop/{FIRST}.jsonl", order("t2", "2024-07-01 10:00:00", *BOTH))
    retailer.land(f"web/{SECOND}.jsonl", state("t1", "2024-07-02 10:00:00"))
    retailer.land(f"shop/{SECOND}.jsonl", order("t2", "2024-07-02 10:00:00"))
    assert retailer.ingest("lines", SECOND).quarantined == 0
    assert retailer.ingest("web", SECOND).quarantined == 1
    assert lines(retailer) == [("t2", 1, "10.00"), ("t2", 2, "5.00")]
    assert "orders: orders is an empty list" in str(retailer.rows("quarantine/web", "reasons"))


def test_a_corrected_day_restores_elements_that_its_list_had_ended(retailer):
    retailer.declare("sources/web.yml", LINES)
    retailer.land(f"web/{FIRST}.jsonl", state("t1", "2024-07-01 10:00:00", l1=1, l2=2))
    retailer.land(
        f"web/{SECOND}.jsonl", state("t1", "2024-07-02 10:00:00", l1=1) + state("t3", "2024-07-02 10:00:00", l1=1)
    )
    retailer.ingest("web", SECOND)
    assert lines(retailer) == [("t1", 1, "1.00"), ("t3", 1, "1.00")]
    retailer.land(f"web/{SECOND}.jsonl", state("t3", "2024-07-02 10:00:00", l1=1))
    retailer.ingest("web", SECOND)
    assert lines(retailer) == [("t1", 1, "1.00"), ("t1", 2, "2.00"), ("t3", 1, "1.00")]


def _newest(states, timed):
    """The lines of each order by the last states of all days."""
    newest = {}
    for day, rows in states.items():
        for number, changed, amounts in rows:
            place = (changed, day) if timed else (day,)
            if place > newest.get(number, ((), None))[0]:
                newest[number] = (place, amounts)
    return sorted((n, int(line[1:]), f"{a}.00") for n, (_, amounts) in newest.items() for line, a in amounts.items())


@pytest.mark.parametrize("timed", [True, pytest.param(False, marks=pytest.mark.long)])
@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(1, 8))])
def test_any_order_and_repetition_of_the_days_gives_the_same_lines(tmp_path, seed, timed):
    draw = random.Random(seed)
    shop = Retailer(tmp_path)
    shop.declare("sources/web.yml", LINES if timed else UNTIMED)
    days = [f"2024-07-0{n}" for n in range(1, 5)]
    states: dict = {}
    # Each day once in any order, then two of them redelivered with other states.
    for day in [*draw.sample(days, 4), *draw.sample(days, 2)]:
        states[day] = [
            (
                number,
                f"{day} {draw.randint(10, 20)}:00:00",
                {f"l{n}": draw.randint(1, 2) for n in range(3) if draw.random() < 0.5},
            )
            for number in draw.sample(["t1", "t2", "t3"], 2)
        ]
        shop.land(f"web/{day}.jsonl", "".join(state(n, changed, **amounts) for n, changed, amounts in states[day]))
        shop.ingest("web", "2024-07-04")
    assert lines(shop) == _newest(states, timed)
    shop.close()
