"""Every file in a feed's folders is ingested once, with the bytes that were hashed, or refused, or named."""

from __future__ import annotations

import json
import os
import time
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from spark_server import ON_SPARK

from jobs.ingest.landing import landing
from jobs.ingest.steps import ingest, replay
from quanyu.errors import ConfigError
from quanyu.lake.receipt import Receipt

TILL = """
describes: Prices of a till.
owner: retail
reads: {path: "till/{day}/*.csv", format: csv}
delivers: events
freshness: none
fills:
  prices: {sku: item, channel: "'store'", holds_from: "'2024-01-01'", price: amount}
"""
HEAD = "item,amount\n"


@pytest.fixture
def till(retailer):
    retailer.declare("sources/till.yml", TILL)
    return retailer


def items(shop):
    return [sku for sku, until in shop.rows("silver/prices", "sku", "replaced_on") if until is None]


def declare(shop, **reads):
    more = "".join(f", {key}: {value}" for key, value in reads.items())
    shop.declare("sources/till.yml", TILL.replace("format: csv", f"format: csv{more}"))


def hashed_before(shop, meanwhile):
    """Ingest a day whose files change between the moment they are hashed and the moment they are read."""
    context = shop.context("2024-01-01")
    source = context.catalogue.sources["till"]
    landing.landed(context, source)
    meanwhile()
    step = context.step("ingest.till")
    return ingest(context, Receipt(step.name, "2024-01-01", context.run_id, step.definition), source)


def test_a_file_that_grows_while_it_is_read_is_read_by_the_next_run(till):
    till.land("till/2024-01-01/a.csv", HEAD + "a,1\n")
    growing = till.land("till/2024-01-01/b.csv", HEAD + "b,1\n")
    note = hashed_before(till, lambda: growing.write_text(HEAD + "b,1\nc,1\n")).notes[0]
    assert note == "till/2024-01-01/b.csv was not ingested: it changed while it was read: the next run takes it"
    assert items(till) == ["a"]
    till.ingest("till", "2024-01-01")
    assert items(till) == ["a", "b", "c"]


def test_a_file_that_changes_and_keeps_its_size_and_time_is_noticed(till):
    file = till.land("till/2024-01-01/a.csv", HEAD + "a,1\n")
    at = file.stat().st_mtime_ns

    def corrected(item):
        file.write_text(HEAD + f"{item},1\n")
        os.utime(file, ns=(at, at))

    hashed_before(till, lambda: corrected("b"))
    till.ingest("till", "2024-01-01")
    assert items(till) == ["b"]
    corrected("c")
    till.ingest("till", "2024-01-01")
    assert items(till) == ["c"]


def test_a_file_that_is_deleted_while_it_is_read_does_not_stop_the_run(till):
    till.land("till/2024-01-01/a.csv", HEAD + "a,1\n")
    going = till.land("till/2024-01-01/b.csv", HEAD + "b,1\n")
    assert "b.csv was not ingested" in hashed_before(till, going.unlink).notes[0]
    assert items(till) == ["a"]
    assert till.ingest("till", "2024-01-01").notes == ("nothing new has landed",)


def test_a_file_is_ingested_when_it_has_settled(till):
    declare(till, settles="1 minute")
    file = till.land("till/2024-01-01/a.csv", HEAD + "a,1\n")
    for _ in range(2):
        [note, _] = till.ingest("till", "2024-01-01").notes
        assert note == "till/2024-01-01/a.csv was not ingested: it has changed within the time in which it settles"
    earlier = time.time() - 61
    os.utime(file, (earlier, earlier))
    till.ingest("till", "2024-01-01")
    assert items(till) == ["a"]


@pytest.mark.parametrize("pattern", ["*.csv", "*"])
@pytest.mark.parametrize(("mark", "name"), [(".done", "a.csv.done"), ("_SUCCESS", "_SUCCESS"), ("READY", "READY")])
def test_a_file_is_ingested_when_its_mark_is_there(till, mark, name, pattern):
    till.declare(
        "sources/till.yml", TILL.replace("*.csv", pattern).replace("format: csv", f"format: csv, mark: {mark}")
    )
    till.land("till/2024-01-01/a.csv", HEAD + "a,1\n")
    note = till.ingest("till", "2024-01-01").notes[0]
    assert note == f"till/2024-01-01/a.csv was not ingested: its mark {name} is not there yet"
    till.land(f"till/2024-01-01/{name}", "")
    assert till.ingest("till", "2024-01-01").notes == ()
    assert items(till) == ["a"]


def test_a_copy_of_another_file_of_its_day_is_not_ingested(till):
    first = till.land("till/2024-01-01/orders.csv", HEAD + "a,1\n")
    till.land("till/2024-01-02/orders.csv", HEAD + "a,1\n")
    till.land("till/2024-01-01/orders (1).csv", HEAD + "a,1\n")
    for _ in range(2):
        outcome = till.ingest("till", "2024-01-02")
        assert outcome.rows_in == 2
        assert outcome.notes[0] == (
            "till/2024-01-01/orders (1).csv was not ingested: it has the same bytes as till/2024-01-01/orders.csv,"
            " of the same day"
        )
    # The copy is ingested, since the first file no longer has the row.
    first.write_text(HEAD)
    assert till.ingest("till", "2024-01-02").rows_in == 1
    assert {file for (file,) in till.rows("bronze/till", "_file")} == {
        "till/2024-01-01/orders (1).csv", "till/2024-01-02/orders.csv",
    }  # fmt: skip


def test_equal_files_are_both_ingested_if_expressions_read_their_names(till):
    till.declare("sources/till.yml", TILL.replace("sku: item", "sku: \"regexp_extract(_file, 's[0-9]', 0)\""))
    for shop in ("s1", "s2"):
        till.land(f"till/2024-01-01/{shop}.csv", HEAD + "a,1\n")
    till.ingest("till", "2024-01-01")
    assert items(till) == ["s1", "s2"]


def test_every_file_in_the_folder_is_ingested_or_named(till):
    for name in ("2024-01-01/a.CSV", "2024-01-01/b.csv.part", "2024-01-01/.c.csv", "2024-01-01/d.txt",
                 "2024-01-01/deep/e.csv", "2024-02-30/f.csv", "g.csv"):  # fmt: skip
        till.land(f"till/{name}", HEAD + "a,1\n")
    outcome = till.ingest("till", "2024-01-01")
    assert outcome.rows_in == 1
    assert outcome.notes == (
        "till/2024-01-01/.c.csv was not ingested: hidden",
        "till/2024-01-01/b.csv.part was not ingested: an upload that has not ended",
        "till/2024-01-01/d.txt was not ingested: its name does not fit *.csv",
        "till/2024-01-01/deep was not ingested: a folder",
        "till/2024-02-30 was not ingested: its name has no day as %Y-%m-%d",
        "till/g.csv was not ingested: its name has no day as %Y-%m-%d",
    )


def test_of_many_files_with_one_reason_the_first_is_named_with_their_number(till):
    for number in range(7):
        till.land(f"till/2024-01-01/{number}.txt", "")
    assert till.ingest("till", "2024-01-01").notes[0] == (
        "till/2024-01-01/0.txt and 6 others were not ingested: its name does not fit *.csv"
    )


def test_the_files_and_marks_of_another_feed_in_the_folder_are_its_own(till):
    other = TILL.replace("*.csv", "*.jsonl").replace("format: csv", "format: jsonl, mark: .done")
    till.declare("sources/till_lines.yml", other)
    till.land("till/2024-01-01/a.csv", HEAD + "a,1\n")
    till.land("till/2024-01-01/a.jsonl", '{"item": "b", "amount": 1}\n')
    till.land("till/2024-01-01/a.jsonl.done", "")
    assert till.ingest("till", "2024-01-01").notes == ()
    assert till.ingest("till_lines", "2024-01-01").notes == ()


def test_a_folder_that_is_no_day_is_named_by_every_feed_of_the_folder(till):
    till.declare("sources/till_lines.yml", TILL.replace("*.csv", "*.jsonl").replace("format: csv", "format: jsonl"))
    till.land("till/new/a.csv", HEAD + "a,1\n")
    for name in ("till", "till_lines"):
        assert till.ingest(name, "2024-01-01").notes[0] == "till/new was not ingested: its name has no day as %Y-%m-%d"


def test_a_refused_file_is_read_again_when_its_contract_is_fixed(till):
    till.land("till/2024-01-01/a.csv", "item;amount\na;1\n")
    assert "missing" in till.breached("till", "2024-01-01").breaches["refused till/2024-01-01/a.csv"]
    till.breached("till", "2024-01-01")
    declare(till, delimiter="';'")
    assert till.ingest("till", "2024-01-01").breaches == {}
    assert items(till) == ["a"]


CATALOGUE = """
describes: The catalogue.
owner: merchandise
reads: {path: "catalogue/{day}/*.csv", format: csv}
delivers: snapshot
freshness: none
deleted_when: absent
fills:
  products: {sku: sku, product: name}
"""


@pytest.mark.parametrize("rest", ["b.csv.part", "b (1).csv.tmp", "b.csv.gz"])
def test_a_snapshot_ends_no_key_while_a_part_of_it_is_being_uploaded(retailer, rest):
    retailer.declare("sources/catalogue.yml", CATALOGUE)
    for day in ("2024-01-01", "2024-01-02"):
        retailer.land(f"catalogue/{day}/a.csv", "sku,name\na,A\n")
    retailer.land("catalogue/2024-01-01/b.csv", "sku,name\nb,B\n")
    part = retailer.land(f"catalogue/2024-01-02/{rest}", "sku,name\n")
    retailer.ingest("catalogue", "2024-01-02")
    current = [row for row in retailer.rows("silver/products", "sku", "replaced_on") if row[1] is None]
    assert current == [("a", None), ("b", None)]
    part.unlink()
    retailer.land("catalogue/2024-01-02/b.csv", "sku,name\nc,C\n")
    retailer.ingest("catalogue", "2024-01-02")
    assert [sku for sku, until in retailer.rows("silver/products", "sku", "replaced_on") if until is None] == ["a", "c"]


MEMBERS = """
describes: Names of products.
owner: crm
reads: {path: "names/{day}/*.csv", format: csv}
delivers: changes
freshness: none
fills:
  products: {sku: "`Item No.`", product: "`名称（元）`", series: "`a.b`"}
"""


def test_of_the_files_of_a_day_the_one_with_the_highest_number_is_the_last(retailer):
    retailer.declare("sources/names.yml", MEMBERS)
    for name in ("part-9", "part-10", "part"):
        retailer.land(f"names/2024-01-01/{name}.csv", f"Item No.,名称（元）,a.b\n1,{name},x\n")
    retailer.ingest("names", "2024-01-01")
    assert retailer.rows("silver/products", "sku", "product", "series") == [("1", "part-10", "x")]


def test_headers_of_spreadsheets_are_written_in_backticks(retailer):
    retailer.declare("sources/names.yml", MEMBERS)
    retailer.land("names/2024-01-01/a.csv", '"Item\nNo.",名称(元),a.b,A.B\n1,茶,x,y\n')
    retailer.ingest("names", "2024-01-01")
    assert retailer.rows("silver/products", "sku", "product", "series") == [("1", "茶", "x")]


def test_a_column_that_is_declared_later_is_read_from_bronze(retailer):
    retailer.declare("sources/names.yml", MEMBERS)
    retailer.land("names/2024-01-01/a.csv", "Item No.,名称（元）,a.b,it's ok?,colour.1\n1,茶,x,yes,red\n")
    retailer.ingest("names", "2024-01-01")
    since = MEMBERS.replace("`a.b`", "`it's ok?`").replace("series:", 'colour: "`colour.1`", series:')
    retailer.declare("sources/names.yml", since)
    context = retailer.context("2024-01-01")
    replay(context, context.catalogue.sources["names"], frozenset([date(2024, 1, 1)]))
    rows = retailer.rows("silver/products", "series", "colour", "replaced_on")
    assert [row[:2] for row in rows if row[2] is None] == [("yes", "red")]


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_a_column_name_may_have_a_dot_in_any_format(retailer, form):
    fills = (
        MEMBERS.replace("`Item No.`", "`user.id`").replace("`名称（元）`", "user.name").replace("`a.b`", "`user`.id")
    )
    retailer.declare("sources/names.yml", fills.replace("csv", form))
    row = {"user.id": "1", "user": {"name": "茶", "id": "2"}}
    file = retailer.land(f"names/2024-01-01/a.{form}", json.dumps(row))
    if form == "parquet":
        pq.write_table(pa.Table.from_pylist([row]), file)
    retailer.ingest("names", "2024-01-01")
    assert retailer.rows("silver/products", "sku", "product", "series") == [("1", "茶", "2")]


@pytest.mark.spark
def test_headers_of_spreadsheets_are_stored_by_apache_spark_too(retailer):
    retailer.declare("base.yml", (retailer.conf / "base.yml").read_text() + ON_SPARK)
    test_headers_of_spreadsheets_are_written_in_backticks(retailer)
    retailer.land("names/2024-01-01/b10.csv", "Item No.,名称（元）,a.b\n1,茶 10,x\n")
    retailer.land("names/2024-01-01/b9.csv", "Item No.,名称（元）,a.b\n1,茶 9,x\n")
    retailer.ingest("names", "2024-01-01")
    current = [row for row in retailer.rows("silver/products", "product", "replaced_on") if row[1] is None]
    assert current == [("茶 10", None)]


def test_columns_that_differ_only_in_case_are_refused_and_read_under_an_alias(retailer):
    twins = MEMBERS.replace("`Item No.`", "id").replace("`名称（元）`", "name").replace("`a.b`", "ID")
    retailer.declare("sources/names.yml", twins)
    retailer.land("names/2024-01-01/a.csv", "id,name,ID\n1,茶,2\n")
    with pytest.raises(ConfigError, match="'id' and 'ID' differ in case only"):
        retailer.ingest("names", "2024-01-01")
    renamed = twins.replace('series: "ID"', "series: own_id").replace("csv}", "csv, aliases: {ID: own_id}}")
    retailer.declare("sources/names.yml", renamed)
    retailer.ingest("names", "2024-01-01")
    assert retailer.rows("silver/products", "sku", "series") == [("1", "2")]
    retailer.declare("sources/names.yml", MEMBERS.replace("`Item No.`", "Id").replace("`名称（元）`", "name"))
    retailer.land("names/2024-01-01/b.csv", "Id,name,a.b\n1,茶,2\n")
    with pytest.raises(ConfigError, match="'id' and 'Id' differ in case only"):
        retailer.ingest("names", "2024-01-01")
