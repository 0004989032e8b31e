"""Paths of feeds: refusals with their messages, and the day of a file next to a wildcard."""

import re

import pytest

from quanyu.feeds.day_path import day_pattern, path_fault


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/etc/{day}", "lies below the folder of landed files"),
        ("C:/landing/{day}", "lies below the folder of landed files"),
        ("../{day}.csv", "lead out of the folder"),
        ("data:../{day}.csv", "lead out of the folder"),
        ("pos/./{day}.csv", "lead out of the folder"),
        ("pos\\{day}.csv", "divided by /"),
        ("pos/\u200b{day}.csv", "no hidden characters"),
        ("pos//{day}.csv", "name each folder and the file"),
        ("pos/{day}/", "name each folder and the file"),
        ("pos/**/{day}.csv", "one `*` for each folder"),
        ("pos/[ab]/{day}.csv", "`[` and `]` are not supported"),
        ("pos/{date}.csv", "{date} is not supported"),
        ("pos/{day:%j}.csv", "is not a day"),
        ("pos/{day:%Y%m}.csv", "is not a day"),
        ("pos/{day:%Y-%b-%d}.csv", "is not a day"),
        ("pos/{day:}.csv", None),
        ("pos/{day:yyyy-MM-dd}.csv", "is not a day"),
        ("pos/{day:%Y/%m/%d}.csv", "is within one name"),
        ("pos/{day}/{day:%Y%m%d}.csv", "in two formats"),
        ("pos/{day}*.csv", "{day} needs a separator"),
        ("pos/*{day}.csv", "{day} needs a separator"),
        ("pos/{day}{day}.csv", "{day} needs a separator"),
        ("pos/{day}/*.csv", None),
        ("data:retail/{day:%Y%m%d}.csv", None),
        ("pos/{day}/till_{day}.csv", None),
        ("pos_{day:%y%m%d%H}.csv", None),
        ("wide/2025_*.parquet", None),
    ],
)
def test_a_path_is_below_landing_and_tells_the_day_in_one_form(path, words):
    fault = path_fault(path)
    assert fault is None if words is None else words in (fault or "")


@pytest.mark.parametrize(
    ("pattern", "form", "name", "day"),
    [
        ("{day}_*.csv", None, "2024-07-01_shop_9.csv", "2024-07-01"),
        ("*_{day:%Y_%m_%d}_*.csv", "%Y_%m_%d", "pos_a_2024_07_01_2024_08.csv", "2024_07_01"),
        ("{day}.csv", None, "2024-07-01 (1).csv", "2024-07-01 (1)"),
    ],
)
def test_a_wildcard_and_the_day_beside_it_match_separate_characters(pattern, form, name, day):
    whole = re.escape(pattern).replace(r"\*", "[^/]*")
    match = re.fullmatch(re.sub(r"\\\{day.*?\\\}", lambda _: f"(?P<day>{day_pattern(pattern, form)})", whole), name)
    assert match and match["day"] == day
