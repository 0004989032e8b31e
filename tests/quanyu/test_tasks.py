"""Functions for DAGs: run a step for a day that is over, one run at a time."""

from datetime import date

import pytest

from quanyu.errors import ConfigError
from quanyu.run import tasks

FAR = date(2052, 2, 3)


@pytest.fixture(autouse=True)
def house(retailer, monkeypatch):
    monkeypatch.setenv("QUANYU_CONF", str(retailer.conf))
    monkeypatch.setenv("QUANYU_HOME", str(retailer.home))
    monkeypatch.delenv("QUANYU_RUN", raising=False)
    (retailer.home / "airflow").mkdir()
    yield retailer
    tasks.close()


def nobody():
    return False


def test_a_day_that_is_not_over_is_refused():
    with pytest.raises(ConfigError, match="2052-02-03 has not ended"):
        tasks.perform("identities", FAR, "by hand", True)


def test_a_task_that_was_kept_since_the_home_stands_in_the_future_fails(house):
    house.context("2024-07-01").store.unchanged_runs.save("identities", "", {"day": str(FAR)})
    with pytest.raises(ConfigError, match="identities: the home stands at 2052-02-03"):
        tasks.perform("identities", date(2024, 7, 1), "by hand", True)


def test_a_context_says_whether_its_run_may_send(house):
    assert not tasks.context_of(date(2024, 7, 1), "backfill", sends=False).sends
    assert tasks.context_of(date(2024, 7, 1), "scheduled").sends


def test_one_run_has_the_home_until_it_works_no_more():
    working = {("ingest", "one")}

    def works(dag, run_id):
        return (dag, run_id) in working

    assert tasks.take_turn("ingest", "one", works, nobody)
    assert tasks.take_turn("ingest", "one", works, nobody), "asked again after a retry"
    assert not tasks.take_turn("ingest", "two", works, nobody)
    assert not tasks.take_turn("customers", "one", works, nobody)
    working.clear()
    assert not tasks.take_turn("ingest", "two", works, lambda: True), "the customers of the day before go first"
    assert tasks.take_turn("customers", "one", works, nobody)


def test_a_day_that_is_run_by_hand_has_the_home_already(monkeypatch):
    monkeypatch.setenv("QUANYU_RUN", "by hand")
    assert tasks.take_turn("ingest", "one", lambda *_: True, lambda: True)
