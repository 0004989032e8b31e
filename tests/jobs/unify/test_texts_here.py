"""What records say, read with Spark and without: the same words, or none where it takes Spark to tell."""

from __future__ import annotations

from datetime import date

import numpy as np
from shop import Retailer

from jobs.unify import forms, texts
from jobs.unify.matching import fields
from jobs.unify.records import staged

FEED = """
describes: Persons.
owner: e
reads: {path: "crm/{day}.csv", format: csv}
delivers: changes
person:
  - {kind: customer_no, value: number}
  - {kind: phone, value: phone}
  - {kind: phone, value: other}
  - {kind: email, value: email}
fills:
  people: {display_name: "name", birthday: "try_cast(born as date)", birthday_told: "born", city: "city"}
"""
HEAD = "number,phone,other,email,name,born,city\n"
FIRST = ["a1,13765432101,,ann@mail.example,安娜,1990-01-02,上海", "a2,,,,王芳,,", "a3,13765432103,,,,,北京"]


def both(shop: Retailer, day: date) -> tuple[object, list[dict[str, object]]]:
    """Without Spark, and with it."""
    context = shop.context(day.isoformat())
    files = staged(context, day, forms.seen(context, day))
    numbers = ", ".join(f"{name} bigint" for name in fields.PASSED)
    wanted = context.lake.staging.put(context.lake.spark, files.records.select(fields.PASSED), numbers).rows
    rows = texts.by_spark(context, files, wanted).select(*fields.PASSED, *fields.RAW).toArrow().to_pylist()
    return texts.here(context, files, np.arange(len(files.records))), sorted(rows, key=lambda row: row["person"])


def test_a_few_records_are_read_without_spark_in_the_same_words(retailer):
    retailer.declare("sources/crm.yml", FEED)
    retailer.land("crm/2024-07-01.csv", HEAD + "\n".join(FIRST) + "\n")
    retailer.land("crm/2024-07-02.csv", HEAD + "a1,13765432109,,ann@mail.example,安娜,1990-01-02,广州\n")
    for number in (1, 2):
        retailer.run(f"2024-07-{number:02}", "ingest.crm")
    for number in (1, 2):
        here, rows = both(retailer, date(2024, 7, number))
        assert sorted(here.to_pylist(), key=lambda row: row["person"]) == rows
        assert {row["birthday"] for row in rows} == {"19900102", None}
    retailer.land("crm/2024-07-03.csv", HEAD + "a9,13765432111,13765432112,,李雷,,\n")
    retailer.run("2024-07-03", "ingest.crm")
    assert both(retailer, date(2024, 7, 3))[0] is None
