"""Values are stored as sent or quarantined with the reason: days, times, numbers, keys, nested lists."""

import json
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq

SHOP = """
describes: Orders of a shop.
owner: e
reads: {{path: "shop/{{day}}.{format}", format: {format}, optional: [changed, state]}}
delivers: changes
freshness: none
slack: {{hours: 8760}}
bad_share: 1
zone: America/New_York
fills:
  order_lines:
    each: items
    order_id: "no"
    line: "items._position"
    ordered_at: "at"
    kind: "'sale'"
    status: "coalesce(state, 'paid')"
    sku: "items.sku"
    quantity: "items.n"
    amount: "items.p"
    updated_at: "changed"
"""
MEMBERS = """
describes: Members.
owner: e
reads: {path: "members/{day}.csv", format: csv}
delivers: changes
freshness: none
bad_share: 1
person: [{kind: member, scope: m, value: card}]
fills:
  people: {birthday: "born", joined_on: "joined", store: "store"}
  contacts: {staff_user: "'s'", added_at: "added", deleted_at: "gone"}
"""
STORES = """
describes: Stores.
owner: e
reads: {path: "stores/{day}.csv", format: csv}
delivers: snapshot
freshness: none
fills:
  stores: {store: "store", store_name: "name"}
"""
DAY = "2024-07-01"
DEEP = "[" * 600 + "]" * 600
GOOD = {"no": "1", "at": "2024-07-01 10:00:00", "items": [{"sku": "a", "n": 1, "p": 1}]}


def reasons(retailer, feed):
    return dict(retailer.rows(f"quarantine/{feed}", "_row", "reasons"))


def shop(retailer, rows, form="jsonl"):
    retailer.declare("sources/shop.yml", SHOP.format(format=form))
    texts = rows if isinstance(rows, str | bytes) else "".join(json.dumps(row) + "\n" for row in rows)
    retailer.land(f"shop/{DAY}.{form}", texts)
    retailer.ingest("shop", DAY)
    return retailer.rows("silver/order_lines", "order_id", "sku", "amount", "status")


def test_only_plausible_days_are_accepted_and_an_end_may_be_open(retailer):
    retailer.declare("sources/members.yml", MEMBERS)
    head = "card,born,joined,store,added,gone\n"
    rows = [
        ("60001", "1990-05-05", "2024-07-01", "9999-12-31 00:00:00"),
        ("60002", "0007-01-05", "2024-07-01", ""),
        ("60003", "2024-07-02", "2024-07-01", ""),
        ("60004", "1899-12-31", "2024-07-01", ""),
        ("60005", "1990", "45474", ""),
        ("60006", "1900-01-01", "2924-07-01", ""),
        ("60007", "2024-07-01", "1970-01-01", "9999-12-31"),
    ]
    retailer.land(f"members/{DAY}.csv", head + "".join(f"{c},{b},{j},s,{DAY} 10:00:00,{g}\n" for c, b, j, g in rows))
    assert retailer.ingest("members", DAY).quarantined == 5
    born = "people.birthday: birthday must be from 1900-01-01 to the day of the feed"
    joined = "people.joined_on: joined_on must be from 1900-01-01 to 366 days after the day of the feed"
    assert reasons(retailer, "members") == {
        2: [born], 3: [born], 4: [born], 6: [joined],
        5: ["people.birthday: not a date", "people.joined_on: not a date"],
    }  # fmt: skip
    assert sorted(str(day) for (day,) in retailer.rows("silver/people", "birthday")) == ["1990-05-05", "2024-07-01"]
    assert [at.year for (at,) in retailer.rows("silver/contacts", "deleted_at")] == [9999, 9999]


def test_a_skipped_time_is_quarantined_and_in_a_repeated_hour_the_order_of_rows_decides(retailer):
    def row(no, at, changed, state):
        return {**GOOD, "no": no, "at": at, "changed": changed, "state": state}

    lines = shop(retailer, [
        row("skipped", "2024-03-10 02:30:00", None, "paid"),
        row("twice", "2024-11-03 01:30:00", None, "paid"),
        row("later", "2024-11-03 00:10:00", "2024-11-03 01:50:00", "pending"),
        row("later", "2024-11-03 00:10:00", "2024-11-03 01:10:00", "paid"),
        row("offset", "2024-11-03 00:10:00", "2024-11-03T01:10:00-05:00", "paid"),
        row("offset", "2024-11-03 00:10:00", "2024-11-03T01:50:00-04:00", "pending"),
    ])  # fmt: skip
    assert [(no, state) for no, _, _, state in lines] == [("later", "paid"), ("offset", "paid"), ("twice", "paid")]
    assert reasons(retailer, "shop") == {1: ["order_lines.ordered_at: a time that the clocks skip"]}


def test_a_time_that_its_region_skips_is_quarantined_too(retailer):
    skip = ["2025-03-09 02:30:00 America/New_York", "2024-03-31 02:15:00 Europe/Berlin",
            "1991-04-14 02:30:00 Asia/Shanghai", "2025-03-09 02:30:00 US/Eastern"]  # fmt: skip
    good = {
        "2024-11-03 01:30:00 America/New_York": "2024-11-03 13:30:00",
        "2024-10-27 02:15:00 Europe/Berlin": "2024-10-27 08:15:00",
        "2025-03-09 03:30:00 America/New_York": "2025-03-09 15:30:00",
        "2024-07-03 10:15:00 Etc/GMT-8": "2024-07-03 10:15:00",
    }
    names = [*skip, *good]
    shop(retailer, [{**GOOD, "no": str(n), "at": at} for n, at in enumerate(names)])
    assert reasons(retailer, "shop") == {
        n + 1: ["order_lines.ordered_at: a time that the clocks skip"] for n in range(len(skip))
    }
    accepted = {names[int(no)]: at for no, at in retailer.rows("silver/order_lines", "order_id", "ordered_at")}
    shanghai = ZoneInfo("Asia/Shanghai")
    assert {text: f"{at.astimezone(shanghai):%Y-%m-%d %H:%M:%S}" for text, at in accepted.items()} == good


def test_a_time_read_by_to_timestamp_is_checked_like_a_cast(retailer):
    retailer.declare("sources/shop.yml", SHOP.format(format="jsonl").replace('"at"', '"to_timestamp(at)"'))
    retailer.land(f"shop/{DAY}.jsonl", json.dumps({**GOOD, "at": "2024-03-10 02:30:00"}) + "\n")
    retailer.ingest("shop", DAY)
    assert reasons(retailer, "shop") == {1: ["order_lines.ordered_at: at a time that the clocks skip"]}


def test_only_real_offsets_are_accepted_and_a_time_is_stored_to_the_microsecond(retailer):
    good = ["+1400", "+12:45", "-12:00", "-0330", "+8", ".123456789Z"]
    bad = ["+1500", "+14:30", "-12:30", "-1300", "+0860", "+99:00"]
    shop(retailer, [{**GOOD, "no": end, "at": f"2024-07-01 10:00:00{end}"} for end in (*good, *bad)])
    accepted = dict(retailer.rows("silver/order_lines", "order_id", "ordered_at"))
    assert sorted(accepted) == sorted(good)
    assert accepted[".123456789Z"].microsecond == 123456
    quarantined = reasons(retailer, "shop")
    assert quarantined == {len(good) + n + 1: ["order_lines.ordered_at: not a timestamp"] for n in range(len(bad))}


def test_an_exponent_moves_the_point_and_loses_no_digit(retailer):
    prices = {"99999999999999.9e1": "999999999999999.00", "1234567890123456e-2": "12345678901234.56",
              "1.005e3": "1005.00", "-7E-2": "-0.07", "1e15": "1000000000000000.00", "0.07e1": "0.70"}  # fmt: skip
    bad = ["9.99e-1", "1.23E+11", "1e17"]
    rows = [{**GOOD, "no": p, "items": [{"sku": "a", "n": "1e3", "p": p}]} for p in (*prices, *bad)]
    rows.append({**GOOD, "no": "n", "items": [{"sku": "a", "n": "1.5e0", "p": "1"}]})
    assert {no: str(amount) for no, _, amount, _ in shop(retailer, rows)} == prices
    assert {str(n) for (n,) in retailer.rows("silver/order_lines", "quantity")} <= {"1000", "1000.000"}
    places = "not a decimal(18,2), has more than 2 decimal places: write round(x, 2) if it may be rounded"
    amounts = {7: places, 8: "not a decimal(18,2)", 9: "not a decimal(18,2)"}
    amount_reasons = {row: [f"order_lines.amount: {words}"] for row, words in amounts.items()}
    assert reasons(retailer, "shop") == {**amount_reasons, 10: ["order_lines.quantity: not a bigint"]}


def test_numbers_in_lists_keep_their_text(retailer):
    rows = (
        '{"no": 90071992547409931, "at": "2024-07-01 10:00:00", "items": ['
        '{"sku": 90071992547409933, "n": 1.0, "p": 0.10}, '
        '{"sku": "say \\"n: 1, \\" \\\\", "n": 2, "p": 9999999999999999.99}, {"sku": 1.10, "n": 2, "p": 1e2}]}'
        "\n"
        '{"no": "2", "at": "2024-07-01 10:00:00", "items": [{"sku": "b", "n": 1, "p": 1e400}]}'
        "\n"
    )
    assert [(no, sku, str(amount)) for no, sku, amount, _ in shop(retailer, rows)] == [
        ("90071992547409931", "1.10", "100.00"),
        ("90071992547409931", "90071992547409933", "0.10"),
        ("90071992547409931", 'say "n: 1, " \\', "9999999999999999.99"),
    ]
    assert reasons(retailer, "shop") == {2: ["order_lines.amount: not a decimal(18,2)"]}


def test_keys_that_look_alike_are_one_key_also_in_columns_that_refer_to_them(retailer):
    retailer.declare("sources/stores.yml", STORES)
    retailer.declare("sources/members.yml", MEMBERS)
    retailer.land(f"stores/{DAY}.csv", "store,name\nＳ１,A\n\u200bs1,B\nS\u00ad2\u00a0,C\n\u2060,D\n".encode())
    retailer.ingest("stores", DAY)
    assert retailer.rows("silver/stores", "store", "store_name") == [("S1", "A"), ("S2", "C"), ("s1", "B")]
    assert reasons(retailer, "stores") == {4: ["stores.store: is missing"]}
    head = "card,born,joined,store,added,gone\n"
    retailer.land(f"members/{DAY}.csv", f"{head}60001,,,S\u200d１\u3000,{DAY} 10:00:00,\n".encode())
    retailer.ingest("members", DAY)
    assert retailer.rows("silver/people", "store") == [("S1",)]


def test_a_key_in_the_text_form_of_spreadsheets_is_the_key_without_it(retailer):
    retailer.declare("sources/stores.yml", STORES)
    retailer.land(f"stores/{DAY}.csv", b'store,name\n\'0014,A\n"=""0012""",B\n=S3,C\nS\'4,D\n\'S5\',E\n')
    retailer.ingest("stores", DAY)
    names = {"0014": "A", "0012": "B", "S3": "C", "S'4": "D", "'S5'": "E"}
    assert dict(retailer.rows("silver/stores", "store", "store_name")) == names


def test_600_nested_lists_quarantine_their_row_in_every_format(tmp_path):
    from shop import Retailer

    good = json.dumps(GOOD)
    deep = good.replace('[{"sku"', f'[{DEEP}, {{"sku"')
    cell = json.dumps(GOOD["items"]).replace('"', '""')
    items = [DEEP, json.dumps(GOOD["items"])]
    table = pa.table({"no": ["1", "1"], "at": [GOOD["at"], GOOD["at"]], "items": items})
    pq.write_table(table, tmp_path / "deep.parquet")
    files = {
        "jsonl": f"{deep}\n{good}\n",
        "csv": f'no,at,items\n1,{DAY} 10:00:00,"{DEEP}"\n1,{DAY} 10:00:00,"{cell}"\n',
        "parquet": (tmp_path / "deep.parquet").read_bytes(),
    }
    for form, content in files.items():
        retailer = Retailer(tmp_path / form)
        assert [no for no, *_ in shop(retailer, content, form)] == ["1"], form
        assert list(reasons(retailer, "shop")) == [1], form
        retailer.close()
