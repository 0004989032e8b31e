"""A day begun on one engine and continued on the other gives the same tables, row by row."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from shop import Retailer, template
from small_day import MOMENTS, SECOND, lived, steps_at
from spark_server import ON_SPARK

# Apache Spark takes seconds for each of the 80 steps of a day.
pytestmark = [pytest.mark.spark, pytest.mark.long]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Retailer]:
    """A home before its second day, set to Apache Spark."""
    shop = Retailer.at(template("small_day", lived) / "0").copy(tmp_path)
    shop.declare("base.yml", (shop.conf / "base.yml").read_text() + ON_SPARK)
    yield shop
    shop.close()


def on_sail(moments: int) -> Retailer:
    """The home after the first moments of the day on the engine of the suite."""
    return Retailer.at(template("small_day", lived) / str(moments))


def differences(left: Retailer, right: Retailer) -> dict[str, set[tuple[object, ...]]]:
    """Rows that only one of two homes has, by table."""
    places = set(left.versions()) | set(right.versions())
    rows = {place: set(map(str, left.steady(place))) ^ set(map(str, right.steady(place))) for place in sorted(places)}
    return {place: differing for place, differing in rows.items() if differing}


def test_a_whole_day_on_spark_after_one_on_sail_gives_the_tables_of_sail(shop):
    shop.run(SECOND)
    assert differences(shop, on_sail(len(MOMENTS))) == {}


def test_a_day_continues_on_the_other_engine_after_every_second_step(shop):
    base = (shop.conf / "base.yml").read_text()
    for number, moment in enumerate(MOMENTS):
        shop.declare("base.yml", base.replace("engine: spark", f"engine: {('sail', 'spark')[number % 2]}"))
        shop.run(SECOND, *steps_at(shop, moment))
    assert differences(shop, on_sail(len(MOMENTS))) == {}
