"""Records as the engine reads them: which of several values is compared, in one order whatever that of the rows."""

from __future__ import annotations

import random
from datetime import date
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from shop import Retailer

from jobs.unify.ids.pairs import prepare
from jobs.unify.records import match_state, reader
from quanyu.identifiers import normalise
from quanyu.lake.receipt import Receipt
from quanyu.model.people import KINDS

FEED = """
describes: Persons.
owner: e
reads: {path: "crm/{day}.csv", format: csv}
delivers: changes
freshness: none
bad_share: 0.5
person:
  - {kind: customer_no, value: number}
  - {kind: phone, value: phone}
  - {kind: phone, value: other}
  - {kind: email, value: email}
  - {kind: phone_sha256, value: hash}
fills:
  people: {display_name: "name", birthday: "try_cast(day as date)", birthday_told: "born", city: "city"}
"""
HEAD = "number,phone,other,email,hash,name,day,born,city\n"
ROWS = ["a1,13765432101,13765432112,ann.b+x@gmail.com,,安娜,1990-01-02,2 Jan,上海", "a2,,,,,王芳,,1990年,",
        "a3,13765432103,,,,,,,北京", f"a4,,,,{sha256(b'+8613765432103').hexdigest()},,,,"]  # fmt: skip
DAY = date(2024, 7, 1)


def staged(shop: Retailer, rows: list[str], day: date = DAY) -> reader.DayRecords:
    shop.declare("sources/crm.yml", FEED)
    (shop.home / "person.key").write_text("a" * 64)
    shop.land(f"crm/{day}.csv", HEAD + "\n".join(rows) + "\n")
    shop.run(day.isoformat(), "ingest.crm")
    return reader.stage_records(shop.context(day.isoformat()), day)


def by_number(shop: Retailer, batch: reader.DayRecords) -> dict[str, dict[str, object]]:
    """Compared fields of each record, by its number in the feed."""
    numbers = shop.rows("silver/identifiers", "person_key", "value", "kind")
    numbers = {key: value for key, value, kind in numbers if kind == "customer_no"}
    rows = batch.compared_columns(np.ones(len(batch.rows), bool)).to_pylist()
    keys = batch.names(np.arange(len(rows)))["person_key"]
    return {numbers[key]: row for key, row in zip(keys, rows, strict=True)}


def test_the_newest_value_of_a_record_is_compared_and_the_greatest_of_one_day(retailer):
    first = by_number(retailer, staged(retailer, ROWS))
    assert first["a1"]["phone"] == "+8613765432112" and first["a1"]["email"] == "ann.b+x@gmail.com"
    assert [first[name]["birthday"] for name in ("a1", "a2", "a3")] == ["19900102", "1990年", None]
    assert first["a2"]["phone"] is None and first["a2"]["phone_code"] == 0
    later = date(2024, 7, 2)
    second = by_number(retailer, staged(retailer, ["a1,13765432102,13765432112,,,安娜,,,广州"], later))
    assert second["a1"]["phone"] == "+8613765432102" and second["a1"]["city"] == "广州"
    assert second["a3"] == first["a3"]
    reread = by_number(retailer, reader.stage_records(retailer.context(later.isoformat()), DAY))
    assert reread == first, "as it was known on the first day"


def test_a_hash_equals_the_clear_phone_of_another_record_and_two_forms_of_a_mailbox_are_equal(retailer):
    rows = [*ROWS, "a5,,,annb@gmail.com,,,,,"]
    batch = staged(retailer, rows)
    compared, shown = by_number(retailer, batch), batch.identifiers
    assert (
        compared["a4"]["phone"] == compared["a3"]["phone"]
        and compared["a4"]["phone_code"] == compared["a3"]["phone_code"]
    )
    assert compared["a5"]["email_code"] == compared["a1"]["email_code"] != 0
    assert set(shown["kind"]) == {KINDS.index(kind) for kind in ("customer_no", "phone", "email")}


def test_hashes_of_every_form_lead_to_the_clear_value(retailer):
    numbers = ["+8613765432103", "+16502530000", "+390612345678", "+35312223333", "+77172123456"]
    clear = [("phone", number) for number in numbers] + [("email", "jane.s+x@gmail.com"), ("email", "a@b.example")]
    hashed = [(*form, kind, value) for kind, value in clear for form in normalise.hashes(kind, value)]
    rows = [("crm", f"k{at}", kind, "", value) for at, (kind, value) in enumerate([*clear, *(h[:2] for h in hashed)])]
    spark = retailer.context("2024-07-01").lake.spark
    frame = spark.createDataFrame(rows, "source string, person_key string, kind string, scope string, value string")
    resolved = reader._with_clear_values(frame.selectExpr("*", "date'2024-07-01' as recorded_on")).toArrow().to_pylist()
    by_key = {row["person_key"]: (row["kind"], row["value"]) for row in resolved}
    expected = [*clear, *((kind, value) for *_, kind, value in hashed)]
    assert by_key == {f"k{at}": pair for at, pair in enumerate(expected)}


def test_records_are_the_same_whatever_the_order_of_the_rows(retailer, tmp_path):
    rows = [f"n{at},1376543{at:04},1376544{at:04},n{at}@mail.example,,名{at},1990-01-02,,上海" for at in range(400)]
    other = Retailer(tmp_path / "other")
    try:
        one, two = staged(retailer, rows), staged(other, random.Random(7).sample(rows, len(rows)))
        assert one.table.equals(two.table)
        pd.testing.assert_frame_equal(one.identifiers, two.identifiers)
        everybody = np.ones(len(rows), bool)
        prepared = [prepare(shop.context("2024-07-01"), batch, everybody) for shop, batch in
                ((retailer, one), (other, two))]  # fmt: skip
        assert prepared[0].equals(prepared[1])
    finally:
        other.close()


def test_records_are_found_by_source_and_key(retailer):
    batch = staged(retailer, ROWS)
    keys = [tuple(row) for row in batch.names(np.array([2, 0])).itertuples(index=False)]
    assert batch.find([*keys, ("crm", "nobody"), ("web", keys[0][1])]).tolist() == [2, 0, -1, -1]


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [("phone", "+8613800138000", 1), ("email", "noreply@shop.example", 2), ("phone", "+8613765432101", 0),
     ("device", "+8613800138000", 0), ("phone", "+8613866668888", 1)],
)  # fmt: skip
def test_a_value_is_blocked_for_its_kind_alone_in_any_spelling(retailer, kind, value, reason):
    rules = (Path(__file__).parents[3] / "conf" / "identity.yml").read_text(encoding="utf-8")
    rules = rules.replace("values: [", 'values: ["138 6666 8888", ').replace("masters:", "masters: [] #")
    retailer.declare("identity.yml", rules)
    context = retailer.context("2024-07-01")
    assert reader.reasons_blocked(context, np.array([KINDS.index(kind)]), pa.array([value])).tolist() == [reason]


def test_an_older_home_retains_columns_that_are_no_longer_written(retailer):
    context = retailer.context("2024-07-01")
    lake = context.lake
    # Stored records count only together with stored pairs.
    lake.prepare(context.catalogue.tables["identity_pairs"])
    numbers = dict.fromkeys(["person", *match_state.RECORD, "shows", "written"], "bigint")
    lake.ensure_table(match_state.RECORDS, {**numbers, "shown": "array<bigint>", "block_keys": "array<bigint>"}, [])
    columns = {name: np.array([7]) for name in match_state.RECORD}
    table = match_state.records_table(np.array([1]), columns, np.array([[3, 4]]), 1)
    match_state.append_rows(lake, Receipt("identities", "2024-07-01", "r", ""), match_state.RECORDS, table, None)
    assert match_state.load_state(lake, 2).columns["raw"].tolist() == [7]


def test_a_home_without_persons_has_no_records(retailer):
    batch = reader.stage_records(retailer.context("2024-07-01"), DAY)
    assert not len(batch.rows) and batch.identifiers.empty and not len(batch.names(np.zeros(0, int)))
