"""A home that was created with one engine and continued with the other."""

from datetime import UTC, datetime, timedelta

import pytest
from sales import SALES, TOTALS, Desk, Sales, Totals, sale, total

from quanyu.engine.guard import guard
from quanyu.errors import ConfigError
from quanyu.lake.difference import row_hash

pytestmark = pytest.mark.spark


def first(desk: Desk) -> None:
    """A day's sales of two sources, and totals."""
    desk.prepare()
    moments = [datetime(1986, 5, 4, 16, 0, 0, 1, UTC), datetime(2024, 6, 30, 23, 30, tzinfo=UTC)]
    desk.append(*(sale(f"a{n}", sold_at=moments[n % 2] + timedelta(hours=n), coupons=[None, str(n)]) for n in range(9)))
    desk.append(sale("c", source="crm", amount=None, phone="O'Brien \\ 1"))
    desk.sync(*(total(str(n), n) for n in range(20)))


def second(desk: Desk) -> None:
    """The next day: new, corrected and deleted rows."""
    desk.append(sale("b1"), sale("b2", coupons=None))
    desk.merge({**sale("a1", channel="shop"), "_op": "update"}, {**sale("a2"), "_op": "delete"},
               {**sale("b3", phone=None), "_op": "insert"})  # fmt: skip
    desk.sync(*(total(str(n), n + (n == 3)) for n in range(1, 21)))


def third(desk: Desk) -> None:
    """A corrected day of a feed, and rows from a pyarrow table."""
    desk.replace(sale("b1", amount=None), where="source = 'crm' or number in ('b1', 'b2', 'a3')")
    desk.upsert_rows(total("3", 33), total("new", 0))
    desk.sync(*(total(str(n), n + 1) for n in range(10)))


def state(desk: Desk) -> dict[str, list[object]]:
    """Rows of both tables, with their hashes, by place."""
    rows_by_place: dict[str, list[object]] = {}
    for table, place in ((Sales, SALES), (Totals, TOTALS)):
        with guard(place):
            hashes = desk.lake.read(place).selectExpr(f"{row_hash(list(table.schema()))} as h").collect()
        rows_by_place[place] = [*desk.rows(table), *sorted(row["h"] for row in hashes)]
    return rows_by_place


def test_days_on_sail_on_spark_and_on_sail_again_give_one_table(open_desk, tmp_path):
    for day, engine in ((first, "sail"), (second, "spark"), (third, "sail")):
        day(open_desk(engine))
    alone = Desk(tmp_path / "alone", "sail", "deltalake")
    for day in (first, second, third):
        day(alone)
    assert state(open_desk("sail")) == state(alone)
    assert state(open_desk("spark")) == state(alone)
    assert open_desk("spark").lake.transaction(SALES, f"sell/{SALES}") == alone.lake.transaction(SALES, f"sell/{SALES}")


def test_a_lake_of_an_older_release_is_continued(open_desk, tmp_path):
    """A lake of an older release, written by Spark: INT96 times, and no recorded committer."""
    before = open_desk("spark", "spark")
    before.lake.spark.conf.set("spark.sql.parquet.outputTimestampType", "INT96")
    try:
        first(before)
    finally:
        before.lake.spark.conf.set("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS")
    (before.settings.lake / "_committer").unlink()
    alone = Desk(tmp_path / "alone", "sail", "deltalake")
    first(alone)
    now = open_desk("sail")
    assert state(now) == state(alone)
    assert now.lake.rows(SALES).num_rows == 10
    for day in (second, third):
        day(now)
        day(alone)
    assert state(now) == state(alone)
    now.lake.maintain(SALES, timedelta(0))
    assert state(now) == state(alone) == state(open_desk("spark"))


def test_a_lake_of_sparks_own_commits_is_read_by_sail_and_not_written(open_desk):
    spark = open_desk("spark", "spark")
    first(spark)
    sail = open_desk("sail")
    assert state(sail) == state(spark)
    with pytest.raises(ConfigError, match=r"Apache Spark commits to the lake .*_committer.*engine: spark"):
        sail.append(sale("z"))
