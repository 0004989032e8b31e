"""Declarations of metrics: what is refused, with what to write instead."""

from __future__ import annotations

import pytest

from quanyu import discover
from quanyu.errors import ConfigError
from quanyu.grammar.metrics.metric import Metric, terms

HEAD = "describes: Trial.\nowner: finance\ngroup: value\nmetrics:\n"
SUM = "unit: x, over: orders, value: sum(amount)"
BY_CHANNEL = f"{SUM}, dimensions: {{channel: channel}}"
COUNT = "unit: x, over: orders, value: count(distinct store), dimensions: {channel: channel}"
# What is written of one metric, and the message.
EXPRESSIONS = {
    "unit: x, over: order, value: sum(amount)": ".over: unknown table 'order'; did you mean 'orders'?",
    "unit: x, over: orders, value: sum(amout)": ".value: 'sum(amout)': unknown column 'amout'; did you mean 'amount'?",
    "unit: x, over: orders, value: amount": "does not aggregate",
    "unit: x, over: orders, value: sum(channel)": "sum needs a number",
    "unit: x, over: orders, value: avg(amount)": "is a mean, and means of days or members do not add up",
    "unit: x, over: orders, value: max(amount)": "is no single sum or count: write sum(x), count(*)",
    "unit: x, over: orders, value: sum(amount) / count(*)": "what else is made of them is a `ratio`",
    f"{SUM}, where: channel": ".where: 'channel' gives a text, where a truth",
    f"{SUM}, where: channel = 'shop'": ".where: ",
    f"{SUM}, dimensions: {{kanal: kanal}}": ".dimensions.kanal: 'kanal': unknown column 'kanal'",
    f"{SUM}, dimensions: {{total: channel}}": ".dimensions.total: is no name: ",
    f"{SUM}, dimensions: {{amount: amount}}": "is a decimal(18,2), which has no members",
    f"{SUM}, dimensions: {{sum: sum(amount)}}": "aggregates rows, where a dimension is a value of one",
    f"{SUM}, dimensions: {{guide: guide}}": ".dimensions.guide: guide may identify a person",
    "unit: x, over: events, value: count(*), dimensions: {by: shared_by}": "metrics tell of no person",
    f"{SUM}, parent: nowhere": ".parent: unknown node or metric 'nowhere'; allowed: ",
    f"{SUM}, at: channel": ".at: 'channel' is no time of orders; ",
    "unit: x, over: stock, value: sum(on_hand)": ".over: stock says of no row when it happened: name a column as `at`",
    "unit: x, over: profile_customer, value: sum(value.spent)": "column 'value.spent'; did you mean 'value.spend'",
    "unit: x, over: profile_customer, value: count(*), within: 2 days": ".over: a profile is of the day",
    "unit: x, ratio: [trial.good, trial.bad]": ".ratio: unknown metric 'trial.bad'; ",
    "unit: x, ratio: [trial.share, trial.good]": ".ratio: trial.share is a ratio: a ratio is made of sums and counts",
    "unit: x, ratio: [trial.good, trial.by_sku]": "parts have no dimension in common: trial.good has channel; ",
    "unit: x, ratio: [trial.good + trial.pieces, trial.good]": "adds currency and pieces: only values of one unit",
    f"{BY_CHANNEL}, only_with: {{channel: trial.bad}}": ".only_with.channel: unknown metric 'trial.bad'; ",
    f"{BY_CHANNEL}, only_with: {{channel: trial.share}}": ".only_with.channel: trial.share is a ratio, of more days",
    f"{BY_CHANNEL}, only_with: {{store: trial.good}}": ".only_with.store: it and trial.good have no dimension 'store'",
    f"{SUM}, only_with: {{channel: trial.good}}": ".only_with.channel: it has no dimension 'channel'",
    f"{COUNT}, only_with: {{channel: trial.good}}": ".only_with.channel: distinct values may be of several members",
    f"{SUM}, first: true": ".first: only distinct values have a first day",
}  # fmt: skip
GOOD = """
  good: {means: m, unit: currency, over: orders, value: sum(amount), dimensions: {channel: channel}}
  by_sku: {means: m, unit: pieces, over: order_lines, value: sum(quantity), dimensions: {sku: sku}}
  pieces: {means: m, unit: pieces, over: order_lines, value: sum(quantity)}
  share: {means: m, unit: share, ratio: [trial.good, trial.good]}
  one: {means: m, unit: x, over: orders, value: count(*), parent: trial.two}
  two: {means: m, unit: x, over: orders, value: count(*), parent: trial.one}
"""


@pytest.fixture(scope="module")
def messages(tmp_path_factory):
    """Every message about a file with all these mistakes."""
    conf = tmp_path_factory.mktemp("conf")
    (conf / "metrics").mkdir()
    metrics = "".join(f"  m{n}: {{means: m, {text}}}\n" for n, text in enumerate(EXPRESSIONS))
    (conf / "metrics" / "trial.yml").write_text(f"{HEAD}{GOOD}{metrics}")
    from quanyu.config.settings import Settings

    with pytest.raises(ConfigError) as error:
        discover.load(Settings(home=conf, conf=conf, data=conf, landing=conf))
    return [str(problem) for problem in error.value.problems]


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_a_mistake_in_a_metric_is_reported_at_its_key(messages, text):
    number = list(EXPRESSIONS).index(text)
    [message] = [message for message in messages if f": metrics.m{number}." in message]
    assert EXPRESSIONS[text] in message


def test_a_circle_of_parents_is_shown(messages):
    [message] = [message for message in messages if "a circle" in message]
    assert "trial.one" in message
    assert "trial.two" in message
    assert len(messages) == len(EXPRESSIONS) + 1


SHAPES = {
    "": "`means` is empty",
    "ratio: [a.b, c.d], over: orders": "a ratio has no over",
    "ratio: [a.b, c.d], value: sum(x)": "exactly one of `value` and `ratio`",
    "value: sum(x)": "`over` is missing",
    "ratio: [b, c.d]": "'b' is no metric: write `subject.metric`",
    "ratio: [a.b c.d, c.d]": "'a.b c.d' is no metric",
    "over: orders, value: sum(x), valid: recorded, within: 2 days": "leave out within, at and first",
    "over: orders, value: sum(x), only_with: {a: b.c}, within: 2 days": "leave out within, valid and first",
    "over: orders, value: sum(x), within: 2": "a window is written as `30 days`",
    "over: orders, value: sum(x), goal: {direction: more}": "'more' is not allowed; allowed: 'up' or 'down'",
    "over: orders, value: sum(x), goal: {direction: up, target: .nan}": "nan is not allowed; allowed: a finite number",
    "over: orders, value: sum(x), dimension: {}": "unknown key; did you mean 'dimensions'?",
}


@pytest.mark.parametrize("text", SHAPES)
def test_a_metric_of_a_wrong_shape_says_what_is_wanted(tmp_path, text):
    from quanyu.grammar.metrics.metric import MetricFile

    means = "means: m, unit: x" if text else "means: ' ', unit: x, over: orders, value: sum(x)"
    (tmp_path / "trial.yml").write_text(f"{HEAD}  m: {{{means}, {text}}}\n")
    with pytest.raises(ConfigError, match=SHAPES[text].replace("(", r"\(").replace("?", r"\?")):
        MetricFile.load(tmp_path / "trial.yml")


def test_the_terms_of_a_part_have_signs():
    assert terms("a.b - c.d + e.f") == [(1, "a.b"), (-1, "c.d"), (1, "e.f")]


def test_a_metric_without_a_window_is_of_the_day():
    assert Metric(means="m", unit="x", over="orders", value="count(*)").within == 1
