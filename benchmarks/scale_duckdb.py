"""Hand-written DuckDB for benchmarks/scale.py: `python -m benchmarks.scale_duckdb HOME STEP` does one step.

Reads the same landed files and writes parquet below HOME/duckdb; prints seconds, CPU seconds and peak memory as JSON.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

import duckdb

from benchmarks.scale_data import LAST

_READ = "read_parquet('{home}/landing/receipts/*/*.parquet', filename = true, file_row_number = true)"
_KEY = "left(sha256('key' || member_no), 32)"
_LINE = f"""
    order_no as order_id, line_no::bigint as line, sold_at::timestamptz as ordered_at,
    if(quantity < 0, 'return', 'sale') as kind, status, sku, quantity::bigint as quantity,
    (quantity * price)::decimal(18, 2) as amount, price::decimal(18, 4) as unit_price, {_KEY} as person_key,
    regexp_extract(filename, '([0-9-]+)/rows', 1)::date as recorded_on
"""
_BAD = """order_no is null or line_no is null or sold_at is null or sku is null or quantity is null or price is null
    or status not in ('paid', 'cancelled', 'pending')"""
# A receipt with a bad line is held back as a whole.
_HELD = f"order_no in (select order_no from {_READ} where {_BAD})"
_ORDERS = f"""
select order_no as order_id, min(sold_at)::timestamptz as ordered_at,
    if(sum(quantity) < 0, 'return', 'purchase') as kind, arg_max(status, file_row_number) as status,
    sum(quantity * price)::decimal(18, 2) as amount, sum(quantity)::bigint as pieces,
    arg_max(channel, file_row_number) as channel, arg_max(store_no, file_row_number) as store,
    arg_max({_KEY}, file_row_number) as person_key,
    regexp_extract(filename, '([0-9-]+)/rows', 1)::date as recorded_on
from {_READ} where not ({_HELD}) group by order_no, filename
"""
_IDENTIFIERS = f"""
select {_KEY} as person_key, member_no as value, min(regexp_extract(filename, '([0-9-]+)/rows', 1)::date) as recorded_on
from {_READ} where not ({_HELD}) and member_no is not null group by member_no
"""
_TEXTS = ("order_no", "line_no", "sold_at", "member_no", "sku", "quantity", "price", "status", "channel", "store_no")
_FEED = {
    "bronze": f"""select {", ".join(f"{name}::varchar as {name}" for name in _TEXTS)}, filename as _file,
        file_row_number as _row, regexp_extract(filename, '([0-9-]+)/rows', 1)::date as _day from {_READ}""",
    "order_lines": f"select {_LINE} from {_READ} where not ({_HELD})",
    "orders": _ORDERS,
    "identifiers": _IDENTIFIERS,
    "quarantine": f"select filename, file_row_number, to_json(r) as raw from {_READ} r where {_HELD}",
}

_END = f"timestamptz '{LAST}' + interval 1 day"
_BOUGHT = "kind = 'purchase' and status = 'paid'"


def _within(days: int | None, column: str = "ordered_at") -> str:
    return f"{column} >= timestamptz '{LAST}' - interval {days - 1} day" if days else "true"


_FACTS = (
    "'{{home}}/duckdb/{name}.parquet' f join"
    " (select person_key, 'c' || value as customer_id from '{{home}}/duckdb/identifiers.parquet') i using (person_key)"
)
_RECENCY = f"""
select customer_id, date_diff('day', max(ordered_at)::date, date '{LAST}') as days_since_order,
    date_diff('day', min(ordered_at)::date, date '{LAST}') as days_since_first,
    date_diff('day', min(ordered_at) filter ({_within(365)}), max(ordered_at) filter ({_within(365)}))
        / nullif(count(distinct ordered_at::date) filter ({_within(365)}) - 1, 0) as days_between_orders,
    count(*) filter ({_within(30)}) as orders_30d, count(*) filter ({_within(90)}) as orders_90d,
    count(*) filter ({_within(180)}) as orders_180d
from {_FACTS.format(name="orders")} where {_BOUGHT} and ordered_at < {_END} group by customer_id
"""
_VALUE = f"""
select customer_id, count(*) filter ({_within(365)}) as orders,
    coalesce(sum(amount) filter ({_within(365)}), 0)::decimal(18, 2) as spend,
    coalesce(sum(amount) filter ({_within(90)}), 0)::decimal(18, 2) as spend_90d,
    coalesce(sum(amount) filter ({_within(180)}), 0)::decimal(18, 2) as spend_180d,
    (sum(amount) filter ({_within(365)}))::double / count(amount) filter ({_within(365)}) as average_order,
    count(*) as orders_ever
from {_FACTS.format(name="orders")} where {_BOUGHT} and ordered_at < {_END} group by customer_id
"""
_EVER = f"""
select customer_id, count(*) as lines, sum(quantity)::bigint as pieces, sum(amount)::decimal(18, 2) as spend,
    date_diff('day', min(ordered_at)::date, date '{LAST}') as days_since_first,
    date_diff('day', max(ordered_at)::date, date '{LAST}') as days_since_last
from {_FACTS.format(name="order_lines")} where kind = 'sale' and status = 'paid' and ordered_at < {_END}
group by customer_id
"""
_ACTIVITY = f"""
    select customer_id, if(status = 'cancelled', 'cancel', if(kind = 'return', 'return', 'order')) as kind,
        ordered_at as happened_at, channel from {_FACTS.format(name="orders")}
    union all
    select customer_id, 'return', min(l.ordered_at), any_value(o.channel)
    from (select * from {_FACTS.format(name="order_lines")}) l
    left join '{{home}}/duckdb/orders.parquet' o using (order_id)
    where l.kind = 'return' and l.status <> 'cancelled'
        and order_id not in (select order_id from '{{home}}/duckdb/orders.parquet' where kind = 'return')
    group by order_id, customer_id
    union all
    select 'c' || member_no, 'join', joined_on::timestamptz, null from '{{home}}/landing/members/*/*.parquet'
"""
_ORDER_DAYS = "count(distinct happened_at::date) filter (kind = 'order' and {})"
_ENGAGEMENT = f"""
select customer_id, count(*) as acts, {_ORDER_DAYS.format("true")} as active_days,
    {_ORDER_DAYS.format(_within(90, "happened_at"))} as active_days_90d,
    {_ORDER_DAYS.format(_within(180, "happened_at"))} as active_days_180d,
    count(distinct channel) as channels, count(*) filter (kind = 'return') as returns,
    count(*) filter (kind = 'cancel') as cancels
from '{{home}}/duckdb/activity.parquet' where happened_at < {_END} and {_within(365, "happened_at")}
group by customer_id
"""
_SOLD = f"""
    select customer_id, sku, category, quantity, amount, ordered_at from {_FACTS.format(name="order_lines")}
    left join '{{home}}/landing/items/*/*.parquet' using (sku)
    where kind = 'sale' and status = 'paid' and ordered_at < {_END} and {_within(365)}
"""
_PREFERENCE = f"""
select f.*, favourite_category, null::varchar as favourite_colour, null::double as new_share
from (
    select customer_id, sum(quantity)::bigint as pieces, count(distinct sku) as products,
        count(distinct sku) filter ({_within(90)}) as products_90d, count(distinct category) as categories,
        sum(amount)::double / nullif(sum(quantity), 0)::double as unit_price
    from ({_SOLD}) group by customer_id
) f left join (
    select customer_id, first(category order by lines desc, category) as favourite_category
    from (select customer_id, category, count(*) as lines from ({_SOLD}) group by 1, 2) group by customer_id
) g using (customer_id)
"""
_CATEGORIES = f"""
select customer_id, first(category order by spend desc, category desc) as favourite,
    max(spend)::double / nullif(sum(spend), 0)::double as favourite_share,
    date '{LAST}' - list_sort(list(first_on))[3] as days_since_third
from (
    select customer_id, category, sum(amount) as spend, min(ordered_at::date) as first_on
    from ({_SOLD}) where category is not null group by customer_id, category
) group by customer_id
"""
_RHYTHM = f"""
select customer_id, count(*) filter (gap > 0) as gaps, avg(gap) filter (gap > 0) as mean_gap,
    median(gap) filter (gap > 0) as typical_gap, stddev_samp(gap) filter (gap > 0) as gap_deviation,
    stddev_samp(gap) filter (gap > 0) / avg(gap) filter (gap > 0) as variation,
    arg_max(gap, (ordered_at, gap)) filter (gap > 0) as last_gap,
    date_diff('day', (min(ordered_at) filter (gap is not null))::date, date '{LAST}') as days_since_second
from (
    select customer_id, ordered_at, date_diff('day', lag(ordered_at) over w, ordered_at) as gap
    from {_FACTS.format(name="orders")} where {_BOUGHT} and ordered_at < {_END}
    window w as (partition by customer_id order by ordered_at, order_id)
) group by customer_id
"""
_MEMBERSHIPS = f"""
with measured as (
    select customer_id, count(*) as orders_60d from {_FACTS.format(name="orders")}
    where {_BOUGHT} and ordered_at < {_END} and {_within(60)} group by customer_id
)
select 'loyal_seed' as audience, customer_id, date '{LAST}' as entered_on
from '{{home}}/duckdb/value.parquet' join measured using (customer_id)
    join '{{home}}/duckdb/engagement.parquet' using (customer_id) where spend >= 1000 and returns < 3
union all
select 'winback', customer_id, date '{LAST}'
from '{{home}}/duckdb/value.parquet' join '{{home}}/duckdb/recency.parquet' using (customer_id)
where orders_ever >= 2 and days_since_order between 90 and 365
"""
QUERIES = {
    "receipts": _FEED, "activity": {"activity": _ACTIVITY}, "recency": {"recency": _RECENCY},
    "value": {"value": _VALUE}, "ever": {"ever": _EVER}, "engagement": {"engagement": _ENGAGEMENT},
    "preference": {"preference": _PREFERENCE}, "rhythm": {"rhythm": _RHYTHM},
    "categories": {"categories": _CATEGORIES}, "memberships": {"memberships": _MEMBERSHIPS},
}  # fmt: skip


def connected(home: Path) -> duckdb.DuckDBPyConnection:
    """Open DuckDB with the same cores and memory as the product."""
    folder = home / "duckdb"
    folder.mkdir(exist_ok=True)
    db = duckdb.connect(config={"threads": 2, "memory_limit": "8GB", "temp_directory": str(folder / "tmp")})
    db.execute("set timezone = 'Asia/Shanghai'; set preserve_insertion_order = false")
    return db


def main() -> None:
    """Do one step."""
    home, step = Path(sys.argv[1]), sys.argv[2]
    with connected(home) as db:
        began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF)
        for name, sql in QUERIES[step].items():
            db.execute(f"copy ({sql.format(home=home)}) to '{home}/duckdb/{name}.parquet' (format parquet)")
            print(f"  {name}: {time.monotonic() - began:.1f} s", file=sys.stderr)
        seconds = time.monotonic() - began
    usage = resource.getrusage(resource.RUSAGE_SELF)
    cpu = usage.ru_utime + usage.ru_stime - before.ru_utime - before.ru_stime
    print(json.dumps({"seconds": seconds, "cpu": cpu, "peak": usage.ru_maxrss * 1024}))


if __name__ == "__main__":
    main()
