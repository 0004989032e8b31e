"""Every declared number has bounds on both sides, and a comparison that decides nothing is reported."""

from typing import get_args

import pytest
from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, BeforeValidator
from shop import ROOT, Retailer

from quanyu import discover
from quanyu.config.settings import Settings
from quanyu.errors import ConfigError
from quanyu.feeds.source import Source
from quanyu.grammar.audience import Audience
from quanyu.grammar.identity import Identity
from quanyu.grammar.journey import Journey
from quanyu.grammar.model_spec import MetricGate


def models(root, fields=None):
    """A model and all models of its fields, by annotation."""
    fields = {} if fields is None else fields
    if isinstance(root, type) and issubclass(root, BaseModel) and root not in fields:
        fields[root] = None
        for field in root.model_fields.values():
            models(field.annotation, fields)
    for part in get_args(root):
        models(part, fields)
    return fields


@pytest.mark.parametrize("root", [Settings, Source, Audience, Journey, Identity])
def test_every_number_of_a_declaration_has_a_least_and_a_most(root):
    open_ended = [
        f"{model.__name__}.{name}"
        for model in models(root)
        for name, field in model.model_fields.items()
        if {int, float} & {field.annotation, *get_args(field.annotation)}
        and not any(isinstance(one, BeforeValidator) for one in field.metadata)
        and not (any(isinstance(one, Ge | Gt) for one in field.metadata)
                 and any(isinstance(one, Le | Lt) for one in field.metadata))
    ]  # fmt: skip
    assert not open_ended


AUDIENCE = """\
describes: Case.
owner: me
goal: care
measures:
  n: {{over: orders, value: "count(*)", within: {within}}}
who: {who}
purpose: analytics
"""


def problems(tmp_path, **declared):
    shop = Retailer(tmp_path, server=tmp_path / "server")
    for path, text in declared.items():
        shop.declare(path.replace("__", "/") + ".yml", text)
    with pytest.raises(ConfigError) as error:
        discover.load(shop.settings)
    return str(error.value)


@pytest.mark.parametrize(
    ("within", "who", "words"),
    [
        ("-5", "n = 0", "a window is written as `30 days`"),
        ("-5 days", "n = 0", "a window is written as `30 days`"),
        ("999999999999", "n = 0", "a window is written as `30 days`"),
        ("999999999999 days", "n = 0", "between 1 and 36,500 days are allowed"),
        ("0 days", "n = 0", "between 1 and 36,500 days are allowed"),
        ("yes", "n = 0", "a number is wanted"),
        ("30 days", "n >= 0", "decides nothing: the column is at least 0"),
        ("30 days", "n < 0", "decides nothing: the column is at least 0"),
        ("30 days", "n in (-1, 2)", "decides nothing: the column is at least 0"),
        ("30 days", "1 = 1", "decides nothing: it names no column"),
        ("30 days", "n / 0 > 1", "divides by zero"),
        ("30 days", "n = 1.5", "decides nothing: the column is a whole number"),
        ("30 days", "value.orders_ever >= 0", "decides nothing: the column is at least 0"),
        ("30 days", "value.orders_ever > -1", "decides nothing: the column is at least 0"),
    ],
)
def test_a_window_has_bounds_and_a_count_is_compared_so_that_it_decides(tmp_path, within, who, words):
    text = problems(tmp_path, audiences__odd=AUDIENCE.format(within=within, who=f'"{who}"'))
    assert "odd.yml: " in text and words in text


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("retention_days: 999999999999", "retention_days: 999999999999 is not allowed; allowed: less than or equal"),
        ("catch_up_days: yes", "catch_up_days: True is not allowed: a number is wanted"),
        ("spark: {answer_seconds: .inf}", "spark.answer_seconds: inf is not allowed"),
        ("spark: {answer_seconds: .nan}", "spark.answer_seconds: nan is not allowed"),
        ("sail: {memory: 0g}", "memory is written as `4g` or `512m`"),
        ("sail: {cores: 99999999999}", "sail.cores: 99999999999 is not allowed"),
    ],
)
def test_a_setting_has_bounds(tmp_path, line, words):
    shop = Retailer(tmp_path, server=tmp_path / "server")
    (shop.conf / "base.yml").write_text(f"{line}\n")
    with pytest.raises(ConfigError) as error:
        _ = shop.settings
    assert words in str(error.value)


def test_a_day_of_a_declaration_is_no_number(tmp_path):
    audience = AUDIENCE.format(within="30 days", who="n = 0")
    assert "a day is written as" in problems(tmp_path, audiences__odd=audience + "ended: 0\n")


def test_a_gate_must_be_possible():
    assert MetricGate("auc", at_least=0.6, at_most=0.9).is_possible()
    assert not MetricGate("auc", at_least=0.9, at_most=0.6).is_possible()
    assert not MetricGate("auc", at_least=float("nan")).is_possible()


def test_our_own_declarations_are_within_the_bounds():
    discover.load(Settings(home=ROOT, conf=ROOT / "conf", data=ROOT, landing=ROOT))
