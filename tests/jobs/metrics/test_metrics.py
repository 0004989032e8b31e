"""Metrics of a till: days, windows, distinct and first customers, dimensions, ratios, and days whose facts change."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from metric_shop import compute, sell, third_of_july, values
from shop import Retailer, template
from small_day import FIRST, MOMENTS, SECOND, lived

from jobs.metrics.gaps import is_expected

__all__ = ["third_of_july"]


@pytest.fixture
def shop(third_of_july, tmp_path):
    copy = Retailer.at(third_of_july).copy(tmp_path / "shop")
    yield copy
    copy.close()


MORE_THAN_THE_WHOLE = "the numerator is more than the whole: the facts of the two are not of the same things"
EXPECTED = {
    # Metric: dimension: value by day, in total or of each member.
    "revenue": {
        "total": {"07-01": {"all": 35.1}, "07-02": {"all": 0}, "07-03": {"all": 19.9}},
        "channel": {"07-01": {"online": 5, "store": 30.1}, "07-03": {"online": 30, "store": -10.1}},
        "store": {"07-01": {"s1": 10.1, "s2": 20, "unknown": 5}, "07-03": {"s1": -10.1, "unknown": 30}},
    },
    "orders": {"total": {"07-01": {"all": 3}, "07-02": {"all": 0}, "07-03": {"all": 1}}},
    "customers": {
        "total": {"07-01": {"all": 2}, "07-02": {"all": 0}, "07-03": {"all": 1}},
        "channel": {"07-01": {"online": 1, "store": 2}, "07-03": {"online": 1}},
    },
    # Days before the first whole window are left out.
    "customers_3d": {"total": {"07-03": {"all": 3}}, "channel": {"07-03": {"online": 3, "store": 2}}},
    "new_customers": {
        "total": {"07-01": {"all": 3}, "07-02": {"all": 0}, "07-03": {"all": 0}},
        # Each by the channel of his first order.
        "channel": {"07-01": {"online": 1, "store": 2}},
    },
    "revenue_2d": {"total": {"07-02": {"all": 35.1}, "07-03": {"all": 19.9}}},
    "order_share": {
        "total": {"07-01": {"all": MORE_THAN_THE_WHOLE}, "07-02": {"all": "the denominator is 0"}, "07-03": {"all": 1}},
        "channel": {"07-01": {"online": 1, "store": 1}, "07-03": {"online": 1}},
    },
    "average_order": {
        "total": {"07-01": {"all": 11.7}, "07-02": {"all": "the denominator is 0"}, "07-03": {"all": 19.9}},
        # Its parts have the channel in common, and only one of them has the store.
        "channel": {"07-01": {"online": 5, "store": 15.05}, "07-03": {"online": 30, "store": "the denominator is 0"}},
        "store": {},
    },
}


@pytest.mark.parametrize(("metric", "dimension"), [(m, d) for m, tables in EXPECTED.items() for d in tables])
def test_values_by_day_and_member(third_of_july, metric, dimension):
    observed = values(Retailer.at(third_of_july), metric, dimension)
    expected = {f"2024-{day}": members for day, members in EXPECTED[metric][dimension].items()}
    assert observed.keys() == expected.keys()
    for day, members in expected.items():
        assert observed[day] == {member: pytest.approx(value) for member, value in members.items()}


def test_what_cannot_be_computed_says_why(third_of_july):
    shop = Retailer.at(third_of_july)
    assert values(shop, "profiles")["2024-07-03"]["all"].startswith("facts are missing: profile.customer")
    assert values(shop, "per_ten")["2024-07-01"]["all"] == pytest.approx(10.1 / 0.1 + 20 / 10 + 5 / -5 + 9 / -1)


def test_a_day_with_a_row_of_which_a_value_is_lost_has_a_reason(shop):
    sell(shop, "2024-07-04", "7 2024-07-04T09:00 10 online - bob")
    compute(shop, "2024-07-04")
    days = values(shop, "per_ten")
    assert days["2024-07-04"] == {"all": "'sum(amount / (amount - 10))' cannot be computed of a row"}
    assert isinstance(days["2024-07-03"]["all"], float)


def test_rows_count_only_for_members_of_which_another_metric_has_rows_on_the_day(shop):
    sell(
        shop, "2024-07-04",
        "11 2024-07-04T09:00 10 store s1 bob", "12 2024-07-04T09:00 10 store s2 bob",
        "13 2024-07-04T09:00 10 online - bob", "14 2024-07-04T09:00 -10 store s1 bob return paid",
    )  # fmt: skip
    compute(shop, "2024-07-04")
    totals = {day: members["all"] for day, members in values(shop, "orders_beside_returns").items()}
    assert totals == {"2024-07-01": 0, "2024-07-02": 0, "2024-07-03": 0, "2024-07-04": 2}
    assert values(shop, "orders_beside_returns", "channel") == {"2024-07-04": {"store": 2}}
    # The store of a purchase may be another one than that of the return.
    assert values(shop, "orders_beside_returns", "store") == {"2024-07-04": {"s1": 1, "s2": 1}}


def test_a_late_file_changes_the_earlier_days_only_and_gives_what_a_full_computation_gives(shop):
    before = set(shop.rows("gold/metrics"))
    sell(shop, "2024-07-02", "8 2024-07-02T09:00 7 store s1 eve", "10 2024-07-02T10:00 1 online - bob")
    sell(shop, "2024-07-04", "9 2024-07-04T09:00 2 store s1 bob")
    outcome = compute(shop, "2024-07-04")
    assert "computed from 2024-07-02 on" in outcome.notes
    assert values(shop, "revenue")["2024-07-02"] == {"all": 8}
    assert values(shop, "new_customers")["2024-07-02"] == {"all": 1}
    assert values(shop, "average_order")["2024-07-02"] == {"all": 4}
    assert {row for row in before - set(shop.rows("gold/metrics")) if str(row[1]) < "2024-07-02"} == set()
    rows = shop.rows("gold/metrics")
    shop.context("2024-07-04").store.unchanged_runs.delete("metrics")
    assert compute(shop, "2024-07-04").notes[0].startswith("400 days computed in full")
    assert shop.rows("gold/metrics") == rows


def test_a_corrected_order_changes_its_day_and_the_first_order_of_its_customer(shop):
    # The first order of ann and her second one are cancelled by a file that replaces that of the first day.
    sell(
        shop, "2024-07-01",
        "1 2024-07-01T09:00 10.10 store s1 ann purchase cancelled", "2 2024-07-01T10:00 20 store s2 bob",
        "3 2024-07-01T23:59 5 online - dan",
    )  # fmt: skip
    compute(shop, "2024-07-04")
    assert values(shop, "revenue")["2024-07-01"] == {"all": 25}
    assert values(shop, "customers", "channel")["2024-07-01"] == {"online": 1, "store": 1}
    assert values(shop, "revenue")["2024-07-04"] == {"all": 0}


def test_a_feed_that_is_late_leaves_its_days_without_values_until_it_comes(shop):
    context = shop.context("2024-07-06")
    with pytest.raises(Exception, match="the newest day is 2024-07-03"):
        shop.run("2024-07-06", "ingest.till")
    context = shop.run("2024-07-06", "identities", "metrics")["metrics"]
    late = {"all": "facts are missing: the newest day of till is 2024-07-03"}
    assert {day: values(shop, "revenue")[day] for day in ("2024-07-04", "2024-07-06")} == dict.fromkeys(
        ("2024-07-04", "2024-07-06"), late
    )
    assert values(shop, "average_order")["2024-07-05"] == {"all": f"till.revenue: {late['all']}"}
    assert "till.revenue" in context.facts.lacking
    sell(shop, "2024-07-06", "9 2024-07-06T09:00 2 store s1 bob")
    compute(shop, "2024-07-06")
    assert {day: values(shop, "revenue")[day]["all"] for day in ("2024-07-04", "2024-07-06")} == {
        "2024-07-04": 0, "2024-07-06": 2,
    }  # fmt: skip


def test_a_daily_feed_that_has_not_come_leaves_its_day_without_a_value_though_no_alarm_is_due(shop):
    for day in range(4, 25):
        if day != 20:
            sell(shop, f"2024-07-{day:02}", f"1{day} 2024-07-{day:02}T09:00 10 store s1 bob")
    outcome = compute(shop, "2024-07-24")
    assert "till has delivered nothing of 2024-07-20: values of such a day may be too low" in outcome.notes
    assert not any("2024-07-02" in note for note in outcome.notes)
    assert values(shop, "revenue")["2024-07-20"] == {"all": 0}
    compute(shop, "2024-07-25")
    late = {"all": "facts are missing: the newest day of till is 2024-07-24"}
    assert values(shop, "revenue")["2024-07-25"] == late
    assert values(shop, "revenue_2d")["2024-07-25"] == late
    sell(shop, "2024-07-25", "125 2024-07-25T09:00 10 store s1 bob")
    compute(shop, "2024-07-25")
    assert values(shop, "revenue")["2024-07-25"] == {"all": 10}


DAILY = [date(2024, 7, 1) + timedelta(days=n) for n in range(40)]
EXPECTED_DAYS = {
    "daily": (DAILY, date(2024, 8, 20), True),
    "daily, of a day that lacks": ([day for day in DAILY if day != date(2024, 7, 25)], date(2024, 7, 25), True),
    "on workdays, of a Saturday": ([day for day in DAILY if day.weekday() < 5], date(2024, 8, 10), False),
    "on workdays, of a Monday": ([day for day in DAILY if day.weekday() < 5], date(2024, 8, 12), True),
    "monthly": ([date(2024, month, 1) for month in range(1, 9)], date(2024, 8, 8), False),
    "on most days, and none on others": ([day for day in DAILY if day.day % 8], date(2024, 8, 10), False),
    "new": (DAILY[:13], date(2024, 7, 14), False),
    "of its second week": (DAILY[:14], date(2024, 7, 15), True),
    "without any": ([], date(2024, 7, 8), False),
}


@pytest.mark.parametrize("rhythm", EXPECTED_DAYS)
def test_a_feed_is_expected_on_weekdays_on_which_it_mostly_delivers(rhythm):
    delivered, day, expected = EXPECTED_DAYS[rhythm]
    assert is_expected(day, delivered) is expected


def test_nothing_is_written_when_nothing_has_changed(shop):
    version = shop.versions()["gold/metrics"]
    assert shop.run("2024-07-03", "metrics", force=True)["metrics"].rows_out == 0
    assert shop.versions()["gold/metrics"] == version


def test_values_of_profiles_stay_as_they_were_on_their_day():
    shop = Retailer.at(template("small_day", lived) / str(len(MOMENTS)))
    columns = ("metric", "day", "dimension", "value")
    totals = {row[1]: row[3] for row in shop.rows("gold/metrics", *columns) if row[0] == "reach.known_customers"
              and row[2] == "total"}  # fmt: skip
    assert [day.isoformat() for day in totals] == [FIRST, SECOND]
    assert totals[max(totals)] == len(shop.rows("gold/profile_customer"))
