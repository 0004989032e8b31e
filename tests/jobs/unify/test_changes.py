"""Records out of what the last run knew and what changed since: the same, to a number, as Spark takes them."""

from __future__ import annotations

import shutil
from datetime import date
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from shop import Retailer

from jobs.unify import changes, forms, memory, numbers, publish, records
from jobs.unify.identities import Log

ROOT = Path(__file__).parents[3]
FEED = """
describes: Persons.
owner: e
reads: {path: "crm/{day}.csv", format: csv}
delivers: snapshot
deleted_when: absent
bad_share: 0.5
person:
  - {kind: customer_no, value: number}
  - {kind: member, value: member, scope: "'brand'"}
  - {kind: phone, value: phone}
  - {kind: email, value: email}
fills:
  people: {display_name: "name", birthday: "try_cast(born as date)", birthday_told: "born", city: "city"}
"""
ADS = """
person:
  - {kind: phone_sha256, value: hash}
fills:
  people: {city: "city"}
"""
HEAD = "number,member,phone,email,name,born,city\n"
A1, A2, A3, A4, A5 = (
    "a1,M1,13765432101,ann.b+x@gmail.com,安娜,1990-01-02,上海", "a2,,,,王芳,,", "a3,M3,13800138000,,,,北京",
    "a4,,13765432104,d@mail.example,Ünal Ōe,1990,Łódź", "a5,,13765432105,,李雷,,",
)  # fmt: skip
CHANGED, A6 = "a1,M1,13765432111,annb@gmail.com,安娜,1990-01-02,广州", "a6,M6,13765432104,,韩梅梅,1988-08-08,"
DAYS = {
    1: [A1, A2, A3, A4, A5],
    2: [CHANGED, A2, A3, A4, A5, A6],
    3: [CHANGED, A2, A3.replace(",,,,", ",e@mail.example,,,"), A4, A6],
    4: [CHANGED, A2, A3, A4, A6],
}


@pytest.fixture
def crm(retailer, monkeypatch) -> Retailer:
    monkeypatch.setattr(publish, "REMEMBERED", 0)
    retailer.declare("sources/crm.yml", FEED)
    shutil.copy(ROOT / "conf" / "identity.yml", retailer.conf / "identity.yml")
    for number, rows in DAYS.items():
        retailer.land(f"crm/2024-07-{number:02}.csv", HEAD + "\n".join(rows) + "\n")
    return retailer


def remembered(shop: Retailer, number: int, log: Log | None = None) -> tuple[records.Staged | None, records.Staged]:
    """Records of a day as they are remembered, and as Spark takes them."""
    context = shop.context(f"2024-07-{number:02}")
    day, log = date(2024, 7, number), log or publish.read_log(context)
    known = memory.recall(context.lake, len(context.catalogue.identity.match.blocks))
    seen = forms.seen(context, day)
    return changes.staged(context, day, seen, known, log), records.staged(context, day, seen)


def same(found: records.Staged, spark: records.Staged) -> None:
    assert found.records.equals(spark.records.select(found.records.column_names).cast(found.records.schema))
    order = ["record", "kind", "scope", "value", "day", "blocked"]
    rows = [one.values[order].sort_values(order).reset_index(drop=True).astype(np.int64) for one in (found, spark)]
    pd.testing.assert_frame_equal(*rows)
    everybody = np.arange(len(spark.records))
    pd.testing.assert_frame_equal(found.names(everybody), spark.names(everybody), check_dtype=False)


def test_what_is_remembered_and_what_changed_are_the_records_that_spark_takes(crm, monkeypatch):
    crm.run("2024-07-01", "ingest.crm")
    assert remembered(crm, 1)[0] is None, "nothing is remembered yet"
    crm.run("2024-07-01", "identities")
    crm.run("2024-07-02", "ingest.crm")
    same(*remembered(crm, 2))
    crm.run("2024-07-02", "identities")
    assert remembered(crm, 1)[0] is None, "a day before that of the memory"
    crm.run("2024-07-03", "ingest.crm")
    crm.run("2024-07-04", "ingest.crm")
    same(*remembered(crm, 3))
    same(*remembered(crm, 4))
    nobody = Log(publish.read_log(crm.context("2024-07-04")).events.iloc[:0])
    same(*remembered(crm, 4, nobody))
    crm.land("crm/2024-07-02.csv", HEAD + "\n".join([*DAYS[2], "a7,M7,,late@mail.example,迟到,,"]) + "\n")
    crm.ingest("crm", "2024-07-02")
    same(*remembered(crm, 4))
    rules = (crm.conf / "identity.yml").read_text(encoding="utf-8")
    crm.declare("identity.yml", rules.replace('"+8613800138000"', '"+8613800138000", "+8613765432104"'))
    assert remembered(crm, 4)[0] is None, "another value is blocked"
    crm.declare("identity.yml", rules)
    monkeypatch.setattr(changes, "MOST", 0)
    assert remembered(crm, 4)[0] is None, "too much has changed"
    monkeypatch.undo()
    assert remembered(crm, 4)[0] is not None
    ads = FEED.split("person:")[0].replace("crm/", "ads/") + ADS
    crm.declare("sources/ads.yml", ads)
    crm.land("ads/2024-07-04.csv", "number,hash,city\n1," + sha256(b"+8613765432104").hexdigest() + ",北京\n")
    crm.run("2024-07-04", "ingest.ads")
    assert remembered(crm, 4)[0] is None, "the clear value of a hash may lie anywhere"


def test_numbers_are_those_that_spark_makes(retailer):
    texts = ["", "a", "上海", "x" * 31, "y" * 32, "Łódź" * 40, None]
    rows = [(one, other, one is None) for one in texts for other in texts]
    frame = retailer.context("2024-07-01").lake.spark.createDataFrame(rows, "a string, b string, c boolean")
    told = frame.selectExpr("xxhash64(a, b, c) as number", "xxhash64('salt', b) as salted").toArrow()
    one, other, truth = zip(*rows, strict=True)
    assert numbers.hashed(one, other, truth).tolist() == told["number"].to_pylist()
    assert numbers.hashed(["salt"] * len(rows), other).tolist() == told["salted"].to_pylist()
