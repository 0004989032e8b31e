"""No key of any declaration accepts an expression that runs code, reads files or reads the clock."""

from dataclasses import replace

import pytest
from specification import scene

from quanyu.errors import ExpressionError
from quanyu.expressions import parse
from quanyu.expressions.aggregates import condition
from quanyu.feeds.source import Source
from quanyu.grammar.audience import Audience
from quanyu.grammar.feature import Feature, FeatureView
from quanyu.grammar.model_spec import NoneOf
from quanyu.grammar.table import Column
from quanyu.model.entities import Customer
from quanyu.model.people import Identifiers, People
from quanyu.model.trade import OrderLines, Orders, Products

TABLES = {table.name: table for table in (Orders, OrderLines, Products, People, Identifiers)}
CODE = [
    "`reflect`('java.lang.System', 'getenv', 'PATH')",
    "`REFLECT`('java.lang.System', 'getenv', 'PATH')",
    "`java_method`('java.lang.System', 'getenv', 'PATH')",
    "`try_reflect`('java.lang.System', 'getenv', 'PATH')",
    "`system`.`builtin`.`reflect`('java.lang.System', 'getenv', 'PATH')",
    "system.builtin.upper('a')",
    "reflect /* quietly */ ('java.lang.System', 'getenv', 'PATH')",
    "read_files('/etc/passwd')",
    "`input_file_name`()",
    "`current_user`()",
    "current_user",
    "`now`()",
    "current_timestamp",
    "cast(cast('now' as timestamp) as string)",
    "cast(date 'today' as string)",
    "cast(timestamp 'now' as string)",
    "cast(date('today') as string)",
    "cast(to_date('tomorrow') as string)",
    "cast(to_timestamp(' now ') as string)",
    "`rand`()",
    "ai_query('model', 'who am I')",
]
AROUND = [
    "{}", "upper({})", "cast({} as string)", "case when true then {} end", "case {} when 'a' then 'b' end",
    "if({} = 'a', 'x', 'y')", "coalesce(null, {})", "nullif({}, 'a')", "'a' || {}", "trim(both ' ' from {})",
    "get(transform(array('a'), e -> {}), 0)", "get(filter(array('a'), e -> e = {}), 0)", "array({})[0]",
    "max({})", "max('a') filter (where {} = 'a')", "max_by('a', {})", "first({}) over (order by {})",
    "cast({} in ('a') as string)", "cast({} between 'a' and 'b' as string)", "cast(not {} like 'a' as string)",
    "cast({} is null as string)", "'a' -- {}\n || {}",
]  # fmt: skip


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("code", CODE)
def test_no_form_around_it_hides_a_call(code, around):
    from quanyu.expressions import type_of

    with pytest.raises(ExpressionError):
        type_of(parse(around.replace("{}", code)), {})


SOURCE = {
    "name": "tills", "file": "tills.yml", "describes": "d", "owner": "o", "delivers": "events",
    "reads": {"path": "{day}.csv", "format": "csv"}, "person": [{"kind": "phone", "value": "mobile"}],
    "freshness": "none",
    "fills": {"orders": {"order_id": "no", "ordered_at": "at", "kind": "'purchase'", "status": "'paid'"}},
}  # fmt: skip
AUDIENCE = {
    "name": "winback", "file": "winback.yml", "describes": "d", "owner": "o", "goal": "care", "purpose": "ads",
    "who": "value.spend > 1", "measures": {"n": {"over": "orders", "value": "count(*)", "where": "status = 'paid'"}},
}  # fmt: skip


def source(**changes):
    return [str(problem) for problem in Source.model_validate({**SOURCE, **changes}).problems(TABLES).found]


def fill(**changes):
    return source(fills={"orders": {**SOURCE["fills"]["orders"], **changes}})


def audience(**changes):
    declaration = Audience.model_validate({**AUDIENCE, **changes})
    names = {"value.spend": Column("double", "S.")}
    return [str(problem) for problem in declaration.problems(Customer, names, TABLES, ()).found]


def measure(**changes):
    return audience(measures={"n": {**AUDIENCE["measures"]["n"], **changes}})


def view(*, where=None, **changes):
    orders = Feature("count(*)", "Orders.")
    body = {
        "__doc__": "V.", "__module__": __name__, "entity": Customer, "owner": "o", "over": Orders, "where": where,
        "orders": replace(orders, **changes),
    }  # fmt: skip
    return [str(problem) for problem in type("Value", (FeatureView,), body).problems(TABLES).found]


def tags(text):
    names = {"value.spend": Column("double", "S.")}
    return [str(problem) for problem in scene("own", many=text).problems(names).found]


def label(text):
    try:
        NoneOf("orders", horizon_days=30, where=f"{text} = 'a'").plan(TABLES)
    except ExpressionError as error:
        return [str(error)]
    return []


def population(text):
    try:
        condition(f"{text} = 'a'", {"value.spend": Column("double", "S.")})
    except ExpressionError as error:
        return [str(error)]
    return []


PLACES = {
    "the day of a feed": lambda text: source(reads={"path": "a.csv", "format": "csv", "day": text}),
    "an identifier": lambda text: source(person=[{"kind": "phone", "value": text}]),
    "what is dropped": lambda text: source(drops={"why": f"{text} = 'a'"}),
    "a column": lambda text: fill(channel=text),
    "which rows": lambda text: fill(where=f"{text} = 'a'"),
    "one row per": lambda text: fill(one_row_per=[text], channel=text),
    "a rule": lambda text: audience(who=f"{text} = 'a'"),
    "a measure": lambda text: measure(value=f"max({text})"),
    "rows of a measure": lambda text: measure(where=f"{text} = 'a'"),
    "a feature": lambda text: view(expression=f"max({text})"),
    "rows of a feature": lambda text: view(expression="count(*)", where=f"{text} = 'a'"),
    "rows of one feature": lambda text: view_where(text),
    "a tag": lambda text: tags(f"{text} = 'a'"),
    "rows of a label": label,
    "a model's population": population,
}


def view_where(text):
    body = {
        "__doc__": "V.", "__module__": __name__, "entity": Customer, "owner": "o", "over": Orders,
        "orders": Feature("count(*)", "Orders.", where=f"{text} = 'a'"),
    }  # fmt: skip
    return [str(problem) for problem in type("Value", (FeatureView,), body).problems(TABLES).found]


def test_the_keys_are_valid_without_it():
    assert source() == fill(channel="'mall'") == audience() == measure() == view() == []


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("code", CODE)
def test_every_key_refuses_it(code, place):
    assert PLACES[place](code) != []
