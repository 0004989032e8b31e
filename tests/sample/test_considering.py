"""Discounts, credited campaigns, looks before a purchase and referrals agree with each other and with the truth."""

from __future__ import annotations

import csv

import pytest

EVENTS = """(select *, cast(received_at as timestamptz) as seen_at from read_json('{landing}/events/*/*.jsonl',
    format = 'newline_delimited', ignore_errors = true, columns = {{event_id: 'varchar', event: 'varchar',
    openid: 'varchar', sku: 'varchar', received_at: 'varchar', shared_by: 'varchar', order_no: 'varchar',
    campaign: 'varchar', outlet_no: 'varchar', items: 'json'}}))"""
PAID = f"""(select openid, seen_at, order_no, i->>'sku' as sku, cast(i->>'quantity' as int) as pieces,
    cast(i->>'amount' as decimal(18, 2)) as amount, cast(i->>'discount' as decimal(18, 2)) as discount,
    i->>'promotion' as promotion
    from (select *, unnest(cast(items as json[])) as i from {EVENTS} where event = 'pay'))"""
PEOPLE = "'{truth}/people.parquet'"


@pytest.fixture(scope="module")
def items(house):
    """Rows of the product master."""
    text = (house / "landing/erp_products/2024-07-20/products.csv").read_bytes().decode("gb18030").splitlines()
    return [line.split(",") for line in text[1:]]


@pytest.fixture(scope="module")
def listed(items):
    """The price on the tag of each item."""
    return {row[0]: float(row[8]) for row in items}


@pytest.fixture(scope="module")
def styles(items):
    """The style words of each item."""
    return {row[0]: row[12] for row in items}


def test_what_was_paid_and_the_discount_are_the_price_on_the_tag(query, listed):
    lines = query(f"select sku, pieces, amount, discount, promotion from {PAID}")
    wrong = [line for line in lines if abs(float(line[2] + line[3]) - listed[line[0]] * line[1]) > 0.005]
    assert len(lines) > 100
    assert wrong == []
    assert all((discount > 0) == (promotion is not None) for *_, discount, promotion in lines)
    assert {"优惠券", "618大促", "换季清仓"} <= {promotion for *_, promotion in lines}


def test_tills_name_the_promotion_of_a_discount_and_a_return_takes_it_back(house):
    signs = set()
    for path in (house / "landing/pos").rglob("*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            rows = [row for row in csv.DictReader(file) if None not in row]
        for row in rows:
            discount = float(row["discount"].replace(",", "."))
            signs.add((bool(row["original_receipt"]), bool(row["promotion"]), (discount > 0) - (discount < 0)))
    assert signs == {(False, False, 0), (False, True, 1), (True, False, 0), (True, True, -1)}


def test_a_campaign_is_credited_within_its_window_with_orders_of_those_who_opened_its_message(query):
    rows = query(f"""
        with credited as (select campaign, openid, seen_at from {EVENTS} where campaign is not null),
        opened as (select campaign_id as campaign, member_no, min("at") as opened_at
            from read_csv('{{landing}}/sends/*/*.csv') where status = 'opened' group by all)
        select credited.seen_at::date - opened_at::date from credited join {PEOPLE} using (openid)
        left join opened using (campaign, member_no)""")
    assert len(rows) > 3
    assert all(after is not None and -4 <= after <= 14 for (after,) in rows)


def test_rational_shoppers_look_longer_and_buy_less_that_they_never_looked_at(query):
    rows = query(f"""
        with looks as (select openid, sku, seen_at as looked_at from {EVENTS} where event = 'view'),
        lines as (select paid.openid, order_no, paid.sku, paid.seen_at, min(looked_at) as first from {PAID} paid
            left join looks on looks.openid = paid.openid and looks.sku = paid.sku
            and looked_at < paid.seen_at and looked_at > paid.seen_at - interval 11 day group by all)
        select shopper, avg((first is not null)::int), median(date_diff('minute', first, seen_at)) from lines
        join {PEOPLE} using (openid) group by 1""")
    planned = {shopper: share for shopper, share, _ in rows}
    minutes = {shopper: wait for shopper, _, wait in rows}
    assert planned["rational"] > planned["impulsive"] + 0.05
    assert minutes["impulsive"] < 60 < 24 * 60 < minutes["rational"]


def test_people_buy_the_style_words_that_they_prefer(query, styles):
    lines = query(f"select sku, style_words from {PAID} join {PEOPLE} using (openid) order by openid, order_no, sku")
    of_item, preferred = [set(styles[sku].split("、")) for sku, _ in lines], [set(p.split("、")) for _, p in lines]
    half = len(lines) // 2
    own = [bool(item & words) for item, words in zip(of_item, preferred, strict=True)]
    others = [bool(item & words) for item, words in zip(of_item, preferred[half:] + preferred[:half], strict=True)]
    assert len(lines) > 100
    assert {len(words) for words in styles.values()} == {2, 5}
    assert sum(own) > 1.3 * sum(others)


def test_who_was_brought_came_by_the_page_that_a_customer_shared(query):
    rows = query(f"""
        select visitor.brought_by = sharer.person, exists (select 1 from {EVENTS} e where e.event = 'share'
            and e.openid = sharer.openid and e.sku = visit.sku and e.seen_at < visit.seen_at)
        from {EVENTS} visit join {PEOPLE} visitor using (openid) join {PEOPLE} sharer on sharer.openid = visit.shared_by
        where visit.event_id like 'lk%'""")
    assert len(rows) > 10
    assert set(rows) == {(True, True)}
    assert query(f"select sum(brought) from {PEOPLE}") == [(len(rows),)]
    assert query(f"select count(*) from {PEOPLE} where brought_by <> ''") == [(len(rows),)]


def test_the_stage_is_the_last_one_that_holds(query):
    stages = query("""
        select stage, min(orders), max(orders), min(brought_buyers), max(brought_buyers), bool_or(state = 'unaware')
        from '{truth}/states/2024-07-23.parquet' group by 1""")
    found = {stage: counts for stage, *counts in stages}
    assert found["acquisition"][:2] == [0, 0]
    assert found["activation"][:2] == [1, 1]
    assert found["retention"][0] == 2
    assert found["revenue"][0] >= 2
    assert found["referral"][2] >= 1
    assert all(counts[3] == 0 for stage, counts in found.items() if stage != "referral")
    assert [stage for stage, counts in found.items() if counts[4]] == [None]
