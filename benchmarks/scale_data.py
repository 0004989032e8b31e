"""A retailer of any size as parquet files: receipts of a year by day, members, items. Deterministic."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import duckdb

FIRST, DAYS, ITEMS = date(2024, 1, 1), 366, 20_000
LAST = FIRST + timedelta(days=DAYS - 1)

# Few customers buy often, most seldom. Three receipts of a hundred name no member, four are returns, and one line of a
# hundred thousand has no item code.
_RECEIPTS = """
with orders as (
    select i, 'o' || lpad(i::varchar, 9, '0') as order_no,
        floor({customers} * pow((hash(i + 2) % 1000000007) / 1000000007, 2))::bigint as member,
        if(hash(i + 1) % 100 < 3, null, 'm' || lpad(member::varchar, 8, '0')) as member_no,
        timestamp '{day} 08:00:00' + to_seconds((hash(i + 3) % 50400)::bigint) as sold_at,
        if(hash(i + 4) % 100 < 4, -1, 1) as sign, if(hash(i + 5) % 100 < 2, 'cancelled', 'paid') as status,
        ['store', 'online', 'mini_program', 'marketplace'][1 + (hash(i + 6) % 4)::int] as channel,
        's' || (hash(i + 7) % 300)::varchar as store_no
    from range({start}, {stop}) r(i)
),
lines as (select *, unnest(range(1, 2 + i % 3)) as line_no, i * 4 + line_no as n from orders)
select order_no, line_no::int as line_no, sold_at, member_no,
    if(hash(n) % 100000 = 0, null, 'k' || lpad((hash(n + 11) % {items})::varchar, 5, '0')) as sku,
    (sign * (1 + hash(n + 12) % 3)::int)::int as quantity,
    ((500 + hash(n + 13) % 20000) / 100)::decimal(18, 2) as price, status, channel, store_no
from lines
"""
_MEMBERS = """
select 'm' || lpad(i::varchar, 8, '0') as member_no, 'city ' || (hash(i) % 300)::varchar as city,
    date '2020-01-01' + (hash(i + 21) % 1800)::int as joined_on,
    if(hash(i + 22) % 10 < 7, 'granted', 'withdrawn') as consent
from range({customers}) r(i)
"""
_ITEMS = """
select 'k' || lpad(i::varchar, 5, '0') as sku, 'item ' || i::varchar as name,
    'category ' || (i % 40)::varchar as category, (5 + i % 200)::decimal(18, 2) as price
from range({items}) r(i)
"""


def write_day(landing: Path, customers: int, lines: int, active: int) -> None:
    """Write a further day of receipts, of about so many members."""
    day, orders = LAST + timedelta(days=1), lines // 2
    with duckdb.connect() as db:
        sql = _RECEIPTS.format(customers=customers, items=ITEMS, day=day, start=orders, stop=orders + active * 21 // 20)
        _copy(db, sql, landing / "receipts" / day.isoformat())


def write(landing: Path, customers: int, lines: int) -> None:
    """Write the feeds; an order has two lines on average."""
    orders = lines // 2
    with duckdb.connect() as db:
        db.execute("set threads = 2")
        for name, sql in (("members", _MEMBERS), ("items", _ITEMS)):
            _copy(db, sql.format(customers=customers, items=ITEMS), landing / name / FIRST.isoformat())
        for number in range(DAYS):
            day = FIRST + timedelta(days=number)
            start, stop = number * orders // DAYS, (number + 1) * orders // DAYS
            sql = _RECEIPTS.format(customers=customers, items=ITEMS, day=day, start=start, stop=stop)
            _copy(db, sql, landing / "receipts" / day.isoformat())


def _copy(db: duckdb.DuckDBPyConnection, sql: str, folder: Path) -> None:
    folder.mkdir(parents=True)
    db.execute(f"copy ({sql}) to '{folder / 'rows.parquet'}' (format parquet)")
