"""The expression language: refusals, types, and two-valued rules."""

import contextlib
import time

import pyarrow as pa
import pytest
import sqlglot
from asked import ask, rows
from hypothesis import given
from hypothesis import strategies as st

from examples import examples
from quanyu.expressions import (
    Expression,
    ExpressionError,
    check_columns,
    check_type,
    parse,
    safe_sql,
    two_valued,
    type_of,
)
from quanyu.expressions.datatypes import family

SCHEMA = {"amount": "decimal(18,2)", "city": "string", "at": "timestamp", "day": "date", "big": "boolean",
          "orders": "bigint", "value.spend": "decimal(18,2)", "tags": "array<string>"}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("drop table orders", "not one single expression|not a Spark SQL|no alias"),
        ("1; drop table orders", "not one single expression"),
        ("amount from orders", "not one single expression"),
        ("amount where city = 'a'", "not one single expression"),
        ("amount, city", "not one single expression"),
        ("amount >", "not a Spark SQL expression"),
        ("", "not one single expression"),
        ("(select max(amount) from orders)", "subquery"),
        ("city in (select city from stores)", "subquery"),
        ("exists(select 1 from orders)", "subquery"),
        ("amount as money", "alias"),
        ("*", "alias"),
        ("struct(*)", "takes no *"),
        (":amount", "parameter"),
        ("explode(tags)", "makes rows"),
        ("explode_outer(tags)", "makes rows"),
        ("stack(2, amount, orders)", "makes rows"),
        ("inline(tags)", "makes rows"),
        ("rand() > 0.5", "by chance"),
        ("max(uuid())", "by chance"),
        ("shuffle(tags)", "by chance"),
        ("datediff(current_date, day)", "asks the clock"),
        ("now()", "asks the clock"),
        ("localtimestamp()", "asks the clock"),
        ("unix_timestamp()", "asks the clock"),
        ("current_user()", "where and by whom"),
        ("reflect('java.lang.System', 'exit', 1)", "where and by whom"),
        ("upper(lowr(city))", "unknown function lowr; did you mean 'lower'"),
        ("wibble(city)", "unknown function wibble; allowed: the functions of Spark SQL"),
        ("hash_agg(city)", "unknown function hash_agg"),
    ],
)
def test_what_is_no_steady_single_value_is_refused(text, words):
    with pytest.raises(ExpressionError, match=words):
        parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "count(*)",
        "sum(amount) filter (where city = 'a')",
        "try_cast(replace(city, ',', '.') as decimal(18, 2))",
        "case when amount > 3 then 'a' end",
        "if(amount > 3, 'a', 'b')",
        "date'2024-01-01' + interval 3 days",
        "unix_timestamp(at)",
        "filter(tags, t -> t like 'a%')",
        "city rlike '^a' and city not in ('b', 'c') or big",
        "mode(city, true)",
        "element_at(split(city, '-'), 1)",
    ],
)
def test_what_spark_can_do_is_allowed(text):
    sqlglot.parse_one(parse(text).sql(), dialect="spark")


def test_columns_are_reported_as_written():
    assert parse("value.spend > 3 and `odd name` = city and city = 'x'").columns == ("value.spend", "odd name", "city")
    assert parse("`odd name` + 1").sql() == "`odd name` + 1"


def test_an_unknown_column_is_reported_with_the_nearest_name():
    with pytest.raises(ExpressionError, match=r"unknown column 'amuont'; did you mean 'amount'\?"):
        check_columns(parse("amuont > 3"), SCHEMA)
    check_columns(parse("amount > 3"), SCHEMA)


@pytest.mark.parametrize(
    ("text", "aggregates"),
    [("sum(amount)", True), ("count(*) / 2", True), ("amount", False), ("round(max(amount), 1)", True)],
)
def test_aggregates_are_known(text, aggregates):
    assert parse(text).aggregates is aggregates


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("amount", "number"),
        ("amount * 2", "number"),
        ("count(*)", "number"),
        ("datediff(day, at)", "number"),
        ("city", "text"),
        ("concat(city, 'x')", "text"),
        ("cast(city as int)", "number"),
        ("at", "time"),
        ("max(at)", "time"),
        ("big", "truth"),
        ("amount > 3", "truth"),
        ("not big", "truth"),
        ("tags", "list"),
    ],
)
def test_types_are_known_where_they_can_be(text, kind):
    assert family(type_of(parse(text), SCHEMA)) == kind


@pytest.mark.parametrize(
    ("text", "wanted", "loose", "fine"),
    [
        ("amount > 3", "boolean", False, True),
        ("amount", "boolean", False, False),
        ("city", "boolean", False, False),
        ("city", "bigint", False, False),
        ("city", "bigint", True, True),
        ("big", "date", True, False),
        ("unheard_of", "boolean", False, True),
        ("amount", "decimal(18,2)", False, True),
        ("tags", "array<string>", False, True),
    ],
)
def test_a_wrong_type_is_refused(text, wanted, loose, fine):
    if fine:
        check_type(parse(text), SCHEMA, wanted, loose)
    else:
        with pytest.raises(ExpressionError, match="where a"):
            check_type(parse(text), SCHEMA, wanted, loose)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("amount > 'much'", "compares a number with a text"),
        ("city = 3 or amount > 3", "compares a text with a number"),
        ("big = city", "compares a truth with a text"),
        ("at > '2024-01-01'", None),
        ("amount > 3 and city = 'a'", None),
        ("unheard_of = 3", None),
    ],
)
def test_values_of_different_types_are_not_compared(text, words):
    with pytest.raises(ExpressionError, match=words) if words else contextlib.nullcontext():
        check_type(parse(text), SCHEMA, "boolean")


# Reference implementation of two-valued logic: a rule is a tuple, and a comparison with null is false.
def oracle(rule, row):
    kind, *parts = rule
    if kind in ("and", "or"):
        sides = [oracle(part, row) for part in parts]
        return all(sides) if kind == "and" else any(sides)
    if kind == "not":
        return not oracle(parts[0], row)
    if kind == "<>":
        return not oracle(("=", *parts), row)
    values = [row.get(part, part) if isinstance(part, str) else part for part in parts]
    if kind == "is null":
        return values[0] is None
    return None not in values and COMPARES[kind](*values)


COMPARES = {
    "=": lambda a, b: a == b,
    "<": lambda a, b: a < b,
    ">=": lambda a, b: a >= b,
    "in": lambda a, b, c: a in (b, c),
    "between": lambda a, b, c: b <= a <= c,
    "holds": lambda a: a,
}
WRITTEN = {
    "in": "{} in ({}, {})",
    "between": "{} between {} and {}",
    "holds": "{}",
    "is null": "{} is null",
    "and": "({}) and ({})",
    "or": "{} or {}",
    "not": "not ({})",
}


def written(rule):
    kind, *parts = rule
    texts = [written(part) if isinstance(part, tuple) else str(part) for part in parts]
    if kind == "and":
        return f"({texts[0]}) and ({texts[1]})"
    return WRITTEN.get(kind, f"{{}} {kind} {{}}").format(*texts)


NUMBERS = st.sampled_from(["x", "y", "z"])
VALUES = st.one_of(NUMBERS, st.integers(0, 3))
LEAVES = st.one_of(
    st.tuples(st.sampled_from(["=", "<>", "<", ">="]), NUMBERS, VALUES),
    st.tuples(st.just("in"), NUMBERS, st.integers(0, 3), st.integers(0, 3)),
    st.tuples(st.just("between"), NUMBERS, st.integers(0, 3), st.integers(0, 3)),
    st.tuples(st.just("is null"), NUMBERS),
    st.tuples(st.just("holds"), st.sampled_from(["p", "q"])),
)
RULES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.tuples(st.sampled_from(["and", "or"]), inner, inner), st.tuples(st.just("not"), inner)),
    max_leaves=8,
)
ROWS = st.fixed_dictionaries(
    {name: st.one_of(st.none(), st.integers(0, 3)) for name in "xyz"}
    | {name: st.sampled_from([None, True, False]) for name in "pq"}
)


KINDS = {"x": "int", "y": "int", "z": "int", "p": "boolean", "q": "boolean"}


@examples(40)
@given(st.lists(RULES, min_size=10, max_size=10), st.lists(ROWS, min_size=10, max_size=10))
def test_a_rule_is_true_or_false_as_plain_logic_says(rules, facts):
    sqls = [safe_sql(two_valued(parse(written(rule)).tree), KINDS) for rule in rules]
    table = pa.Table.from_pylist(
        facts, pa.schema([(n, pa.int32() if k == "int" else pa.bool_()) for n, k in KINDS.items()])
    )
    answers = [list(row) for row in rows(f"array({', '.join(sqls)})", table)]
    assert answers == [[oracle(rule, row) for rule in rules] for row in facts]


@pytest.mark.parametrize(
    ("rule", "lapsed"),
    [
        ("days > 90", False),
        ("not days > 90", True),
        ("not (days > 90 and orders = 1)", True),
        ("days <> 5", True),
        ("not days = 5", True),
        ("days not between 1 and 5", True),
        ("case when days <> 5 then true else false end", True),
        ("days not in (1, 2)", True),
        ("not (not days > 90)", False),
        ("case when not days > 90 then true else false end", True),
        ("days is null", True),
        ("days is not null", False),
    ],
)
def test_rules_over_a_missing_value(rule, lapsed):
    answer = ask(
        safe_sql(two_valued(parse(rule).tree), {"days": "int", "orders": "int"}),
        dict.fromkeys(("days", "orders"), "int"),
        days=None,
        orders=1,
    )
    assert answer is lapsed


def test_the_tree_that_was_parsed_stays_as_it_was():
    rule: Expression = parse("not (amount > 3 and big)")
    before = rule.sql()
    two_valued(rule.tree)
    assert rule.sql() == before


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (" or ".join(["a=1"] * 1500), "has more than 6000 parts"),
        ("a or " * 5000 + "a", "is longer than 20000 characters"),
        ("(" * 5000 + "a" + ")" * 5000, "is too deep"),
        ("coalesce(" * 41 + "a" + ", 1)" * 41, "is too deep"),
    ],
)
def test_an_expression_beyond_the_limits_is_reported_at_once_and_in_short(text, words):
    began = time.monotonic()
    with pytest.raises(ExpressionError) as error:
        parse(text)
    assert words in str(error.value) and len(str(error.value)) < 400
    assert time.monotonic() - began < 2


def test_a_list_of_many_values_is_within_the_limits():
    assert parse(f"a in ({', '.join(map(str, range(2000)))})").columns == ("a",)
