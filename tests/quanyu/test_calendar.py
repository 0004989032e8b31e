"""Business days: which are over, and the message of a home that has run ahead of time."""

from datetime import UTC, date, datetime

import pytest

from quanyu.errors import ConfigError
from quanyu.run.business_days import check_over, day_of, kept_steps_note, newest_day
from quanyu.run.runner import Outcome, Result

# 00:30 on the fourth in Shanghai.
NOW = datetime(2024, 7, 3, 16, 30, tzinfo=UTC)
FAR = "2052-02-03"


def kept(step="identities"):
    return Result(step, "kept", 0.0, Outcome())


def test_a_day_is_over_when_it_has_ended_in_the_retailers_zone(retailer):
    assert newest_day(retailer.settings, NOW) == date(2024, 7, 3)
    check_over(retailer.settings, date(2024, 7, 3), NOW)
    with pytest.raises(
        ConfigError, match=r"2024-07-04 has not ended in Asia/Shanghai, where it is 2024-07-04: .*--ahead"
    ):
        check_over(retailer.settings, date(2024, 7, 4), NOW)
    with pytest.raises(ConfigError, match="has not ended in America/New_York, where it is 2024-07-03"):
        check_over(retailer.settings.model_copy(update={"zone": "America/New_York"}), date(2024, 7, 3), NOW)


def test_what_is_no_day_is_reported():
    with pytest.raises(ConfigError, match="'2024-7-1' is no day"):
        day_of("2024-7-1")


@pytest.mark.parametrize(("stands", "is_failure"), [("2024-07-03", False), ("2024-07-04", True), (FAR, True)])
def test_kept_is_a_failure_where_the_home_stands_at_a_day_that_is_not_over(retailer, stands, is_failure):
    context = retailer.context("2024-07-01")
    context.store.unchanged_runs.save("identities", "", {"day": stands})
    assert bool(kept_steps_note(context, [kept()], NOW)) is is_failure
    assert kept_steps_note(context, [Result("identities", "done", 0.0, Outcome())], NOW) == ""
    assert context.forward_day("identities") == date.fromisoformat(stands)
    assert context.forward_day("customers") is None


def test_it_says_the_last_day_of_the_home_and_how_to_take_it_back(retailer):
    context = retailer.context("2024-07-01")
    context.store.unchanged_runs.save("identities", "", {"day": FAR})
    assert f"stands at {FAR}" in kept_steps_note(context, [kept()], NOW)
    assert f"quanyu back --day {FAR}" in kept_steps_note(context, [kept()], NOW)
