"""Names of a feed's files, also renamed by people and programs."""

from datetime import date

import pytest

from quanyu.feeds.paths import day_in, is_like, name_pattern


@pytest.mark.parametrize("name", ["2025-02-01.csv", "2025-02-01.CSV", "2025-02-01.Csv"])
def test_how_an_ending_is_spelled_makes_no_difference(name):
    assert day_in("{day}.csv", name) == date(2025, 2, 1)


@pytest.mark.parametrize(("pattern", "name"), [("Orders_*.csv", "orders_1.csv"), ("x.csv", "x.CSV")])
def test_how_the_rest_is_spelled_does(pattern, name):
    assert not name_pattern(pattern).fullmatch(name)


@pytest.mark.parametrize(
    "name", ["2025-02-01 (1).csv", "2025-02-01（2）.csv", "2025-02-01 - Copy.csv", "2025-02-01 - 副本.csv",
             "2025-02-01.csv.part", "2025-02-01.csv.tmp", "2025-02-01.csv~"],
)  # fmt: skip
def test_what_is_added_to_a_name_leaves_it_like_one_of_the_feed(name):
    assert is_like(name, "{day}.csv")


@pytest.mark.parametrize("name", ["2025-02-01.csv", "readme.txt", "2025-02-01.xlsx"])
def test_another_name_is_not_like_it(name):
    assert not is_like(name, "{day}.csv")
