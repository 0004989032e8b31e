"""The day of a DAG's run and whether it may send, for every kind of run."""

from datetime import UTC, date, datetime
from types import SimpleNamespace

import pytest

from quanyu.errors import ConfigError

NEWEST = date(2024, 7, 3)
# 05:00 in Shanghai; in UTC that is the day before.
AT_FIVE = datetime(2024, 7, 2, 21, tzinfo=UTC)
LONG_AGO = datetime(2024, 1, 4, 21, tzinfo=UTC)


@pytest.fixture(autouse=True)
def house(retailer, monkeypatch):
    monkeypatch.setenv("QUANYU_CONF", str(retailer.conf))
    monkeypatch.setenv("QUANYU_HOME", str(retailer.home))
    monkeypatch.setattr("quanyu.run.tasks.newest_day", lambda: NEWEST)


def run(kind, begins=None, conf=None, events=()):
    # Airflow takes seconds to import, in every process that collects the tests.
    from dags.occasion import occasion

    triggers = [SimpleNamespace(extra=extra) for extra in events]
    dag_run = SimpleNamespace(run_type=kind, data_interval_start=begins, conf=conf)
    return occasion({"dag_run": dag_run, "triggering_asset_events": {"an asset": triggers} if triggers else {}})


@pytest.mark.parametrize(
    ("began", "day", "sends"),
    [
        (dict(kind="scheduled", begins=AT_FIVE), "2024-07-03", True),
        (dict(kind="scheduled", begins=LONG_AGO), "2024-01-05", False),
        (dict(kind="backfill", begins=LONG_AGO), "2024-01-05", False),
        (dict(kind="backfill", begins=AT_FIVE), "2024-07-03", False),
        (dict(kind="manual", begins=LONG_AGO), "2024-07-03", True),
        (dict(kind="manual", conf={"day": ""}), "2024-07-03", True),
        (dict(kind="manual", conf={"day": "2024-07-03"}), "2024-07-03", True),
        (dict(kind="manual", conf={"day": "2024-07-02"}), "2024-07-02", False),
        (dict(kind="asset_triggered", events=[{"day": "2024-07-03", "sends": True}]), "2024-07-03", True),
        (dict(kind="asset_triggered", events=[{"day": "2024-07-03", "sends": False}]), "2024-07-03", False),
        (dict(kind="asset_triggered", events=[{"day": "2024-07-02", "sends": True}]), "2024-07-02", False),
        # Events that arrived together: the newest day counts, and whether its run may send.
        (
            dict(
                kind="asset_triggered",
                events=[{"day": "2024-01-05", "sends": False}, {"day": "2024-07-03", "sends": True}],
            ),
            "2024-07-03",
            True,
        ),
        (
            dict(
                kind="asset_triggered",
                events=[{"day": "2024-01-05", "sends": False}, {"day": "2024-01-04", "sends": True}],
            ),
            "2024-01-05",
            False,
        ),
    ],
)
def test_a_run_has_a_day_and_may_send_or_not(began, day, sends):
    assert run(**began) == (date.fromisoformat(day), sends)


def test_an_invalid_day_by_hand_is_refused():
    with pytest.raises(ConfigError, match="'tomorrow' is no day"):
        run("manual", conf={"day": "tomorrow"})
