"""Regular expressions, date patterns and JSON paths mean the same on both engines, or are refused."""

import re

import pytest
from asked import ask

from quanyu.errors import ExpressionError
from quanyu.expressions import parse, safe_sql
from quanyu.expressions.functions.patterns import date_format, json_path, pattern, replacement


@pytest.mark.parametrize(
    ("text", "written"),
    [
        (r"^\d+$", r"^[0-9]+\z"),
        (r"[\d.]", r"[0-9.]"),
        (r"\w\W", r"[A-Za-z0-9_][^A-Za-z0-9_]"),
        (r"a{2,3}(?:b|c)*?", r"a{2,3}(?:b|c)*?"),
        (r"a\.b\-c\/", r"a\.b\-c/"),
        (r"[]a]", r"[\]a]"),
        (r"[^]a]", r"[^\]a]"),
        (r"\\", r"\\"),
    ],
)
def test_a_pattern_is_written_for_both_engines(text, written):
    assert pattern(text) == written


@pytest.mark.parametrize(
    "text",
    ["(?=a)", "(?!a)", "(?<=a)b", "(?<!a)b", r"(a)\1", "(?i)a", "(?<n>a)", "(?P<n>a)", "a++", "(?>a)", r"\bA", r"\p{L}",
     r"[a&&b]", "[[:alpha:]]", "a{1000}", "a{", "(", "*a", "", r"\Qa\E", r"[\D]"],
)  # fmt: skip
def test_what_only_one_engine_has_is_refused(text):
    with pytest.raises(ExpressionError):
        pattern(text)


@pytest.mark.parametrize("text", ["12", "１２", "a\nb", "a\r\nb", "ab\n", "x y", "x\u3000y", "中", ""])
@pytest.mark.parametrize("written", [r"^\d\d$", r"a.b", r"a.*b", r"b$", r"x\sy", r"^\w$", r"^\W$", r"\S{2}"])
def test_it_matches_as_ascii_says(text, written):
    """Python's re in ASCII mode is the reference; its `.` and `$` are narrowed as on the engines."""
    narrowed = written.replace("$", r"\Z").replace(".", "[^\n\r\u0085\u2028\u2029]")
    wanted = re.search(narrowed, text, re.ASCII) is not None
    sql = safe_sql(parse("s rlike '" + written.replace("\\", "\\\\") + "'"), {"s": "string"})
    assert ask(sql, s=text) is wanted


@pytest.mark.parametrize("text", ["yyyy-MM-dd", "yyyyMMdd", "d/M/yyyy HH:mm:ss.SSS", "yyyy年M月d日", "yyyy'T'HH"])
def test_date_patterns_of_digits_are_allowed(text):
    assert date_format(text) == text


@pytest.mark.parametrize("text", ["yy-MM-dd", "MMM d", "EEEE", "hh:mm a", "yyyy-MM-dd z", "YYYY", "DDD", ""])
def test_other_date_patterns_are_refused(text):
    with pytest.raises(ExpressionError, match="a date pattern is made of"):
        date_format(text)


PATHS = {"$.a.b[0]": True, "$['a b'].c": True, "$.商品": True, "$": False, "a.b": False, "$.a[*]": False, "$..a": False}


@pytest.mark.parametrize(("text", "fine"), PATHS.items())
def test_json_paths_name_members_and_places(text, fine):
    if fine:
        assert json_path(text) == text
    else:
        with pytest.raises(ExpressionError, match="a path into JSON"):
            json_path(text)


@pytest.mark.parametrize("text", ["${n}", "$0", "$12", "$1a", "a\\1", "$"])
def test_a_replacement_is_text_with_plain_groups(text):
    assert replacement("<$1> $2-") == "<$1> $2-"
    with pytest.raises(ExpressionError, match="a replacement"):
        replacement(text)
