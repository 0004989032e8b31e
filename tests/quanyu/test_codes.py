"""`quanyu validate` refuses unknown codes, reversed ranges, and text that YAML reads as another type."""

import pytest

from quanyu.config.settings import read_settings
from quanyu.errors import ConfigError, ExpressionError
from quanyu.expressions import check_domain, parse
from quanyu.feeds.source import Source
from quanyu.grammar.yaml_file import load_yaml


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("region: XX", "'XX' is not allowed: no region of ISO 3166, such as CN or GB"),
        ("region: UK", "did you mean 'GB'?"),
        ("region: cn", "did you mean 'CN'?"),
        ("currency: RMB", "'RMB' is not allowed: no currency of ISO 4217, such as CNY or EUR; did you mean 'CNY'?"),
        ("currency: eur", "did you mean 'EUR'?"),
        ("currency: USDT", "did you mean 'USD'?"),
        ("region: no", "YAML reads what is written here (yes, no, on, off, true, 123) as a truth value"),
    ],
)
def test_a_region_and_a_currency_are_those_that_there_are(tmp_path, line, words):
    (tmp_path / "base.yml").write_text(f"{line}\n")
    problems = read_settings(tmp_path)[1]
    assert words in " ".join(problem.message for problem in problems.found)


@pytest.mark.parametrize(
    "text",
    ["n between 365 and 90", "n between 1 and -1", "not n between 2.5 and 2", "d between '2025-02-01' and '2025-01-01'",
     "d between date'2025-02-01' and date'2025-01-01'", "case when n between 5 and 4 then 1 end = 1"],
)  # fmt: skip
def test_a_range_in_reverse_holds_for_nothing(text):
    with pytest.raises(ExpressionError, match="its ends are in reverse; write between"):
        check_domain(parse(text).tree, {})


def test_a_range_whose_ends_are_equal_or_computed_is_allowed():
    for text in ("n between 90 and 365", "n between 5 and 5", "n between m and 3", "d between '2025-01-01' and as_of"):
        check_domain(parse(text).tree, {})


def test_numbers_in_odd_forms_and_clock_times_are_read_as_text(tmp_path):
    (tmp_path / "x.yml").write_text(
        "a: 0123\nb: 1_000\nc: 12:30\nd: 12\ne: -1.5\nf: 0\ng: 0x1F\nh: .nan\ni: 2025-01-02\n"
    )
    read = load_yaml(tmp_path / "x.yml")
    assert str(read.pop("h")) == "nan"
    assert read == {"a": "0123", "b": "1_000", "c": "12:30", "d": 12, "e": -1.5, "f": 0, "g": "0x1F", "i": "2025-01-02"}


@pytest.mark.parametrize(("value", "kind"), [("no", "a truth value"), ("on", "a truth value"), ("123", "a number")])
def test_a_text_without_quotes_that_yaml_reads_as_another_thing_says_so(tmp_path, value, kind):
    text = 'describes: x.\nowner: e\nreads: {{path: "f/{{day}}.csv", format: csv}}\ndelivers: events\n'
    person = "person: [{{kind: member, value: {}}}]\nfills: {{stores: {{store: s}}}}\n"
    (tmp_path / "f.yml").write_text((text + person).format(value))
    with pytest.raises(ConfigError, match=rf"person.0.value: YAML reads .* as {kind}: write it in quotes"):
        Source.load(tmp_path / "f.yml")
