"""Upkeep: compacts files, removes what is older than the retention, and loses no row, receipt or fence."""

import os
import time
from datetime import date, timedelta
from pathlib import Path

import pytest
from deltalake import DeltaTable
from forms import LONG_ON_SPARK
from sales import SALES, TOTALS, Sales, Totals, sale, total

from quanyu.errors import ConfigError, RetryableError
from quanyu.home import scratch

NOW = timedelta(0)


def hashes(desk, table=Sales):
    from quanyu.lake.difference import row_hash

    read = desk.lake.read(f"{table.layer}/{table.name}")
    return sorted(row[0] for row in read.selectExpr(f"{row_hash(list(table.schema()))} as h").collect())


def age(desk, place, days):
    """Make every commit and checkpoint of a log this many days old."""
    for file in (Path(desk.lake.path(place)) / "_delta_log").iterdir():
        os.utime(file, (time.time() - days * 86400,) * 2)


def bought(desk):
    """Two sources' sales in many small files, some of them changed or deleted since."""
    for number in range(6):
        desk.append(sale(f"p{number}"), sale(f"q{number}", phone=None))
        desk.append(sale(f"c{number}", source="crm"))
    desk.merge({**sale("p1", channel="shop"), "_op": "update"}, {**sale("p2"), "_op": "delete"})


def test_no_row_no_receipt_and_no_fence_is_lost(desk):
    bought(desk)
    desk.lake.fence("sell", [SALES])
    before = (hashes(desk), desk.lake.version(SALES), desk.lake.receipt(SALES))
    files = len(DeltaTable(desk.lake.path(SALES)).file_uris())
    done = desk.lake.maintain(SALES, NOW)
    assert done.compacted >= 8 and done.removed >= 8
    assert len(DeltaTable(desk.lake.path(SALES)).file_uris()) == 2 < files
    assert (hashes(desk), desk.lake.version(SALES), desk.lake.receipt(SALES)) == before
    assert desk.lake.transaction(SALES, f"sell/{SALES}") == 13
    desk.append(sale("new"))
    assert (len(hashes(desk)), desk.lake.transaction(SALES, f"sell/{SALES}")) == (len(before[0]) + 1, 14)


@pytest.mark.parametrize("form", LONG_ON_SPARK, indirect=True)
def test_a_second_upkeep_changes_nothing(desk):
    bought(desk)
    desk.lake.maintain(SALES, NOW)
    last = desk.lake.last_commit(SALES)
    again = desk.lake.maintain(SALES, NOW)
    assert (again.compacted, again.removed) == (0, 0)
    if type(desk.lake.committer).__name__ == "DeltaRsCommitter":
        assert desk.lake.last_commit(SALES) == last


def test_no_personal_value_comes_into_the_log(desk):
    bought(desk)
    desk.lake.maintain(SALES, NOW)
    added = [action["add"] for action in desk.log(SALES) if "add" in action and not action["add"]["dataChange"]]
    assert added and all("phone" not in str(action.get("stats")) for action in added)


@pytest.mark.parametrize("form", LONG_ON_SPARK, indirect=True)
def test_retained_versions_can_be_read_and_expired_ones_are_reported(desk):
    desk.append(sale("a"))
    first = desk.append(sale("b"))
    desk.replace(sale("c"))
    desk.lake.maintain(SALES, timedelta(days=90))
    assert desk.lake.arrow(SALES, first).count_rows() == 2
    desk.lake.maintain(SALES, NOW)
    with pytest.raises(ConfigError, match=rf"{SALES}: version {first} has expired: .*retention_days \(90\)"):
        desk.lake.arrow(SALES, first)
    with pytest.raises(ConfigError, match="there is no version 999; the last is"):
        desk.lake.arrow(SALES, 999)
    assert desk.lake.arrow(SALES, desk.lake.last_commit(SALES)).count_rows() == 1


@pytest.fixture
def old(open_desk):
    """A table of the embedded form, whose log is 100 days old up to a checkpoint, with one commit of today."""
    desk = open_desk("sail")
    desk.prepare()
    for number in range(9):
        desk.append(sale(str(number)), day=f"2024-06-0{number + 1}", run=f"run-{number}")
    desk.lake.maintain(SALES, timedelta(days=90))
    age(desk, SALES, 100)
    return desk


def test_old_commits_are_removed_but_not_the_last_receipt_and_the_fence(old):
    last = old.append(sale("new"), day="2024-06-30")
    old.lake.maintain(SALES, timedelta(days=90))
    assert old.lake.history(SALES)[-1]["version"] > 0
    assert (old.lake.version(SALES), old.lake.receipt(SALES)["day"]) == (last, "2024-06-30")
    assert old.lake.transaction(SALES, f"sell/{SALES}") == 10
    assert (len(old.rows()), old.lake.rows(SALES).num_rows) == (10, 10)
    assert old.lake.version_of_day(SALES, date(2024, 7, 1)) == last
    with pytest.raises(ConfigError, match="what it was on 2024-06-02 has expired"):
        old.lake.version_of_day(SALES, date(2024, 6, 2))
    with pytest.raises(ConfigError, match="version 5 has expired"):
        old.lake.arrow(SALES, 5)


def test_a_log_whose_last_receipt_is_old_is_not_cleaned(old, monkeypatch):
    version, count = old.lake.version(SALES), len(old.lake.history(SALES))
    stored = old.lake.receipts
    then = time.time() * 1000 - 100 * 86_400_000
    monkeypatch.setattr(old.lake, "receipts", lambda place: ({**item, "timestamp": then} for item in stored(place)))
    old.lake.maintain(SALES, timedelta(days=90))
    assert old.lake.history(SALES)[-1]["version"] == 0
    assert (old.lake.version(SALES), len(old.lake.history(SALES))) == (version, count)


@pytest.mark.parametrize("form", LONG_ON_SPARK, indirect=True)
def test_a_run_that_was_overtaken_before_the_upkeep_cannot_commit_after_it(form, open_desk):
    late, rerun = open_desk(*form), open_desk(*form)
    late.prepare()
    late.lake.fence("sell", [SALES])
    rerun.append(sale("a"), run="run-2")
    rerun.lake.maintain(SALES, NOW)
    with pytest.raises(RetryableError):
        late.append(sale("z"))


@pytest.mark.parametrize("form", LONG_ON_SPARK, indirect=True)
def test_small_and_empty_tables_are_maintained_too(desk):
    desk.lake.maintain(TOTALS, NOW)
    desk.append_rows(total("a"))
    desk.upsert_rows(total("a", 2))
    desk.lake.maintain(TOTALS, NOW)
    assert [(row["customer_id"], row["orders"]) for row in desk.rows(Totals)] == [("a", 2)]


def test_what_dead_runs_staged_is_removed(open_desk):
    desk, dead = open_desk("sail"), open_desk("sail")
    staged = dead.lake.staging.stage(dead.frame(Sales, [sale("a")])).folder.parent
    scratch._held.pop(staged).close()
    own = desk.lake.staging.stage(desk.frame(Sales, [sale("b")])).folder
    assert desk.lake.staging.clear_dead() == 1
    assert (staged.exists(), own.exists()) == (False, True)
