"""Extracts from a real PostgreSQL and a real MariaDB: the rows of a day, repeated rows, and the types that land."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from loyalty import INSTANT, MEMBERS, ONE, THREE, TWO, cards, create, landed, put, take
from mariadb import MariaDB
from postgres import Postgres

from jobs.ingest.extracts import extract
from quanyu.errors import ConfigError, RetryableError


def people(retailer):
    return sorted(
        (name.removeprefix("Name of "), city, str(since), until and str(until))
        for name, city, since, until in retailer.rows(
            "silver/people", "display_name", "city", "recorded_on", "replaced_on"
        )
    )


@pytest.mark.parametrize("database", [Postgres], indirect=True)
def test_each_day_extracts_changes_and_drops_rows_of_earlier_extracts(retailer, members):
    retailer.declare("sources/loyalty.yml", MEMBERS)
    retailer.declare("sources/loyalty.yml", MEMBERS)
    retailer.declare("sources/loyalty.yml", MEMBERS)
    assert retailer.ingest("loyalty", "2023-12-31").notes[0] == "0 rows extracted from members"
    put(members, "ann", "Wuhan", "2024-01-01 10:00+08")
    put(members, "bob", "Xi'an", "2024-01-01 23:59:59.999999+08")
    put(members, "cat", "Wuhan", "2024-01-02 00:00+08")
    put(members, "odd", "Wuhan", None)
    retailer.ingest("loyalty", ONE)
    assert cards(retailer, ONE) == ["ann", "bob", "odd"]

    put(members, "bob", "Beijing", "2024-01-02 12:00+08")
    put(members, "dan", "Wuhan", "2024-01-01 09:00+08")  # committed after the extract of its day
    outcome = retailer.ingest("loyalty", TWO)
    assert cards(retailer, TWO) == ["ann", "bob", "cat", "dan", "odd"]
    assert (outcome.rows_in, outcome.quarantined) == (5, 0)
    versions = [
        ("ann", "Wuhan", ONE, None), ("bob", "Beijing", TWO, None), ("bob", "Xi'an", ONE, TWO),
        ("cat", "Wuhan", TWO, None), ("dan", "Wuhan", TWO, None), ("odd", "Wuhan", ONE, None),
    ]  # fmt: skip
    assert people(retailer) == versions

    put(members, "eve", "Wuhan", "2024-01-02 13:00+08")
    before = retailer.versions()
    for day in (TWO, ONE, "2023-12-30"):
        retailer.run(day, "ingest.loyalty")
        retailer.run(day, "ingest.loyalty", force=True)
    assert retailer.versions() == before
    assert cards(retailer, TWO) == ["ann", "bob", "cat", "dan", "odd"]
    assert not (retailer.home / "landing" / "loyalty" / "2023-12-30").exists()

    members.run("delete from members where card = 'eve'")
    outcome = retailer.ingest("loyalty", THREE)
    assert cards(retailer, THREE) == ["ann", "bob", "cat", "dan", "odd"]
    assert (outcome.rows_in, outcome.rows_out) == (5, 0)
    after = retailer.versions()
    assert {place for place in before if after[place] != before[place]} == {"bronze/loyalty"}
    assert people(retailer) == versions


def test_a_lost_store_or_landing_makes_extracts_larger_and_loses_no_row(loyalty, members):
    put(members, "ann", "Wuhan", "2024-01-01 10:00+08")
    assert take(loyalty, ONE)
    assert not take(loyalty, ONE)
    (loyalty.home / "store.db").unlink(missing_ok=True)
    put(members, "bob", "Wuhan", "2024-01-09 10:00+08")
    assert take(loyalty, "2024-01-09")
    assert not take(loyalty, "2024-01-05")
    put(members, "dan", "Wuhan", "2024-01-07 10:00:00.000001+08")
    put(members, "eve", "Wuhan", "2024-01-07 10:00:00+08")
    assert take(loyalty, "2024-01-10")
    assert cards(loyalty, "2024-01-10") == ["bob", "dan"]
    for folder in (loyalty.home / "landing" / "loyalty").iterdir():
        folder.rename(loyalty.home / folder.name)
    assert take(loyalty, "2024-01-10")
    assert cards(loyalty, "2024-01-10") == ["ann", "bob", "dan", "eve"]


def test_a_killed_extract_is_repeated_completely(loyalty, members, monkeypatch):
    put(members, "ann", "Wuhan", "2024-01-01 10:00+08")
    write = extract._written

    def killed(taking, folder):
        write(taking, folder)
        raise KeyboardInterrupt

    monkeypatch.setattr(extract, "_written", killed)
    with pytest.raises(KeyboardInterrupt):
        take(loyalty, ONE)
    below = loyalty.home / "landing" / "loyalty"
    assert [path.name[:20] for path in below.iterdir()] == [".loyalty.extracting-"]
    monkeypatch.setattr(extract, "_written", write)
    put(members, "bob", "Wuhan", "2024-01-01 11:00+08")
    assert take(loyalty, ONE) == ("2 rows extracted from members",)
    assert [path.name for path in below.iterdir()] == [ONE]


@pytest.mark.parametrize(
    ("kind", "on_day_one", "after", "landed_type"),
    [
        ({Postgres: "timestamp", MariaDB: "datetime(6)"}, "2024-01-01 23:59:59.9", "2024-01-02", pa.timestamp("us")),
        ({Postgres: "date", MariaDB: "date"}, "2024-01-01", "2024-01-02", pa.date32()),
    ],
)  # fmt: skip
def test_naive_times_and_days_are_those_of_the_sources_zone(loyalty, members, kind, on_day_one, after, landed_type):
    named = members.quoted("Updated")
    create(members, f"card varchar(9), name text, city text, {named} {kind[type(members)]}, paid numeric(9, 2)")
    naive = MEMBERS.replace("updated_at", "Updated").replace("changes", "changes\nzone: America/New_York")
    loyalty.declare("sources/loyalty.yml", naive)
    members.run(f"insert into members values ('ann', '', '', '{on_day_one}', 1.50), ('bob', '', '', '{after}', 2)")
    take(loyalty, ONE)
    assert cards(loyalty, ONE) == ["ann"]
    schema = landed(loyalty, ONE).schema
    assert (schema.field("Updated").type, schema.field("paid").type) == (landed_type, pa.string())
    take(loyalty, TWO)
    assert cards(loyalty, TWO) == ["ann", "bob"]


def test_without_a_watermark_each_day_is_the_whole_table(loyalty, members):
    snapshot = MEMBERS.replace("  watermark: updated_at\n  overlap: 2 days\n", "").replace("changes", "snapshot")
    snapshot = snapshot.replace("format: parquet", "format: parquet, columns: [card, name, city]")
    loyalty.declare("sources/loyalty.yml", snapshot)
    put(members, "ann", "Wuhan", "2024-01-01 10:00+08")
    put(members, "bob", "Wuhan", "2034-01-01 10:00+08")
    take(loyalty, ONE)
    assert landed(loyalty, ONE).column_names == ["card", "name", "city"]
    members.run("delete from members where card = 'bob'")
    take(loyalty, TWO)
    assert (cards(loyalty, ONE), cards(loyalty, TWO)) == (["ann", "bob"], ["ann"])


def test_many_rows_land_in_files_of_a_bounded_size_and_no_amount_becomes_a_double(loyalty, members, monkeypatch):
    monkeypatch.setattr(extract, "ROWS_A_FILE", 30_000)
    series = {Postgres: "generate_series(1, 100000) n(n)", MariaDB: "(select seq as n from seq_1_to_100000) n"}
    create(members, f"card varchar(9), name text, city text, paid numeric(30, 4), updated_at {INSTANT[type(members)]}")
    amount = "n * 12345678901.0123"
    members.run(f"insert into members select n, n, n, {amount}, null from {series[type(members)]}")
    assert take(loyalty, ONE) == ("100,000 rows extracted from members",)
    folder = loyalty.home / "landing" / "loyalty" / ONE
    sizes = [pq.ParquetFile(file).metadata.num_rows for file in sorted(folder.iterdir())]
    assert sizes == [30_000, 30_000, 30_000, 10_000]
    rows = landed(loyalty, ONE)
    assert len(set(rows["card"].to_pylist())) == int(members.run("select count(distinct card) from members"))
    total = sum(map(Decimal, rows["paid"].to_pylist()))
    assert total == Decimal(members.run("select sum(paid) from members"))


@pytest.mark.parametrize("broken_after", [1, 2])
def test_a_lost_connection_leaves_no_file_and_is_retried(loyalty, members, monkeypatch, broken_after):
    series = {Postgres: "generate_series(1, 500000) n(n)", MariaDB: "seq_1_to_500000"}
    number = {Postgres: "n", MariaDB: "seq"}[type(members)]
    members.run("drop view if exists many")
    text = f"repeat('x', 100) as name, {number} as card, '' as city, cast(null as date) as updated_at"
    members.run(f"create view many as select {text} from {series[type(members)]}")
    loyalty.declare("sources/loyalty.yml", MEMBERS.replace("table: members", "table: many"))
    landable, batches = extract._landable, []

    def cut_off(taking, batch):
        batches.append(batch.num_rows)
        if len(batches) == broken_after:
            members.kill_others()
        return landable(taking, batch)

    monkeypatch.setattr(extract, "_landable", cut_off)
    with pytest.raises(RetryableError, match="loyalty: the database closed the connection; its own log says why"):
        take(loyalty, ONE)
    assert 0 < sum(batches) < 500_000
    assert not (loyalty.home / "landing" / "loyalty" / ONE).exists()
    monkeypatch.setattr(extract, "_landable", landable)
    assert take(loyalty, ONE) == ("500,000 rows extracted from many",)


POSTGRES_VALUES = {
    "numeric": [("'NaN'", "NaN"), ("'-Infinity'", "-Infinity"), ("12345678901234567890.10", "12345678901234567890.10")],
    "numeric(5, 1)[]": [("'{1.50,null}'", "[1.5,null]")], "text[]": [("'{a,b}'", '["a","b"]')],
    "money": [("-1234.5", "-1234.50")], "jsonb": [("'{\"a\": 1}'", '{"a": 1}')], "bytea": [("'\\x00ff'", b"\x00\xff")],
    "uuid": [("'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")],
    "float8": [("0.1", 0.1), ("'-inf'", float("-inf"))], "float4": [("1.5", 1.5)], "bool": [("true", True)],
    "int8": [("9223372036854775807", 2**63 - 1)], "interval": [("'1 day 2 hours'", "1 day 02:00:00")],
    "timestamptz": [("'2024-06-01 08:00:00.000001+08'", datetime(2024, 6, 1, 0, 0, 0, 1, UTC))],
    "timestamp": [("'9999-12-31 23:59:59.999999'", datetime(9999, 12, 31, 23, 59, 59, 999999))],
    "date": [("'0001-01-01'", date(1, 1, 1))], "bit(3)": [("B'101'", "101")], "inet": [("'10.0.0.1'", "10.0.0.1/32")],
}  # fmt: skip
MARIADB_VALUES = {
    "decimal(65, 30)": [("1234567890123456789.10", "1234567890123456789.100000000000000000000000000000")],
    "datetime(6)": [("'0000-00-00'", None), ("'9999-12-31 23:59:59.000001'", datetime(9999, 12, 31, 23, 59, 59, 1))],
    "date": [("'0000-00-00'", None), ("'1000-01-01'", date(1000, 1, 1))], "time": [("'-200:00:01'", "-200:00:01")],
    "timestamp(6) null": [("from_unixtime(1.000001)", datetime(1970, 1, 1, 0, 0, 1, 1, UTC)), ("0", None)],
    "bigint unsigned": [("18446744073709551615", 2**64 - 1)], "tinyint(1)": [("true", 1)], "double": [("0.1", 0.1)],
    "bit(3)": [("b'101'", 5)], "json": [("'{}'", "{}")], "varbinary(2)": [("x'00ff'", b"\x00\xff")],
    "varchar(9) character set gbk": [("'中'", "中")], "text character set utf8mb4": [("'😀'", "😀")],
    "enum('a', 'b')": [("'b'", "b")], "year": [("2024", 2024)],
}  # fmt: skip


def test_each_type_lands_with_its_meaning(loyalty, members):
    values = {Postgres: POSTGRES_VALUES, MariaDB: MARIADB_VALUES}[type(members)]
    names = {f"c{number}": kind for number, kind in enumerate(values)}
    create(members, ", ".join(f"{name} {kind}" for name, kind in names.items()))
    for name, kind in names.items():
        for literal, _ in values[kind]:
            members.run(f"{members.lenient}insert into members ({name}) values ({literal})")
    loyalty.declare("sources/loyalty.yml", SNAPSHOT)
    take(loyalty, ONE)
    rows = landed(loyalty, ONE).to_pylist()
    expected = [(name, value) for name, kind in names.items() for _, value in values[kind]]
    assert [(name, row[name]) for (name, _), row in zip(expected, rows, strict=True)] == expected


SNAPSHOT = """
describes: All.
owner: crm
reads: {path: "loyalty/{day}/*.parquet", format: parquet}
extracts:
  {url: env:LOYALTY_DB_URL, user: env:LOYALTY_DB_USER, password: env:LOYALTY_DB_PASSWORD, table: members}
delivers: snapshot
freshness: none
fills:
  products: {sku: c0, product: c0}
"""
FAR = {
    Postgres: [
        ("date", "'infinity'"), ("timestamp", "'-infinity'"), ("timestamptz", "'infinity'"),
        ("date", "'0044-01-01 BC'"), ("timestamptz", "'12024-01-01Z'"),
    ],
    MariaDB: [("date", "'2024-00-00'"), ("datetime", "'2024-01-00 10:00'")],
}  # fmt: skip


def test_a_time_that_parquet_cannot_represent_is_refused(loyalty, members):
    loyalty.declare("sources/loyalty.yml", SNAPSHOT)
    for kind, literal in FAR[type(members)]:
        create(members, f"c0 {kind}")
        members.run(f"{members.lenient}insert into members values ({literal})")
        with pytest.raises(
            ConfigError, match=r"extracts.table: members has a (time|value) in c0 that is .*: name a view"
        ):
            take(loyalty, ONE)
    assert not (loyalty.home / "landing" / "loyalty" / ONE).exists()
