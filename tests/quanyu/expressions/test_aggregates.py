"""Aggregates as plans on the embedded engine: values, customers without rows, daily partials, and refusals."""

from __future__ import annotations

import random
from decimal import Decimal

import pytest

from quanyu.errors import ExpressionError
from quanyu.expressions import parse
from quanyu.expressions.aggregates import Window, condition, plan
from quanyu.grammar.table import Column

SCHEMA = {
    "who": "string", "as_of": "date", "at": "timestamp", "channel": "string", "amount": "decimal(18,2)",
    "pieces": "bigint", "rate": "double", "paid": "boolean", "qty": "string", "list": "array<string>",
}  # fmt: skip
COLUMNS = {name: Column(kind, name) for name, kind in SCHEMA.items()}
DDL = ", ".join(f"{name} string" for name in SCHEMA)
TYPED = [f"try_cast({name} as {kind}) as {name}" for name, kind in SCHEMA.items() if name != "list"]
AS_OF = "2024-07-01"
EVERYBODY = ("ann", "bob", "cat", "dan")


def rows_of(engine, *rows):
    """A table with the schema's columns except the list; values as text, None for null."""
    texts = engine.createDataFrame([(who, AS_OF, *rest) for who, *rest in rows], DDL.rpartition(",")[0])
    return texts.selectExpr(*TYPED)


# ann bought three times within 30 days, bob long ago, cat's rows contain only nulls, dan has no rows.
ROWS = (
    ("ann", "2024-06-02 00:00:00", "store", "10.10", "1", "1.5", "true", "9"),
    ("ann", "2024-06-20 12:00:00", "online", "20.25", "2", "NaN", "false", "100"),
    ("ann", "2024-07-01 23:59:59", "online", None, None, None, None, None),
    ("bob", "2024-05-01 10:00:00", "store", "7.00", "1", "-0.0", "true", "1"),
    ("cat", "2024-06-30 10:00:00", None, None, None, None, None, None),
)


def values(engine, text, where=None, within=30, rows=ROWS):
    """The value of each customer, and the customers for whom it is lost."""
    from pyspark.sql import functions as F  # noqa: N812

    planned = plan(text, SCHEMA, parse(where).tree if where else None, Window("at", within) if within else None)
    parts = [F.expr(sql).alias(name) for name, sql in planned.parts().items()]
    everybody = engine.createDataFrame([(who,) for who in EVERYBODY], "who string").selectExpr(
        "*", f"date'{AS_OF}' as as_of"
    )
    joined = everybody.join(rows_of(engine, *rows).groupBy("who", "as_of").agg(*parts), ["who", "as_of"], "left")
    result = joined.selectExpr("who", f"{planned.value()} as value", f"{planned.lost() or 'false'} as lost")
    assert dict(result.dtypes)["value"] == planned.type
    answers = result.collect()
    return {row.who: row.value for row in answers}, {row.who for row in answers if row.lost}


@pytest.mark.parametrize(
    ("text", "ann", "nobody", "kind"),
    [
        ("count(*)", 3, 0, "bigint"),
        ("count(amount)", 2, 0, "bigint"),
        ("count(distinct channel)", 2, 0, "bigint"),
        ("count(distinct channel, pieces)", 2, 0, "bigint"),
        ("approx_count_distinct(channel)", 2, 0, "bigint"),
        ("count_if(amount > 15)", 1, 0, "bigint"),
        ("sum(amount)", Decimal("30.35"), Decimal("0.00"), "decimal(18,2)"),
        ("sum(pieces)", 3, 0, "bigint"),
        ("avg(amount)", 15.175, None, "double"),
        ("mean(pieces)", 1.5, None, "double"),
        ("min(amount)", Decimal("10.10"), None, "decimal(18,2)"),
        ("min(rate)", 1.5, None, "double"),
        ("max(rate)", 1.5, None, "double"),
        ("max(channel)", "store", None, "string"),
        ("max_by(amount, at)", None, None, "decimal(18,2)"),
        ("min_by(amount, at)", Decimal("10.10"), None, "decimal(18,2)"),
        ("max_by(channel, struct(paid, at))", "store", None, "string"),
        ("mode(channel, true)", "online", None, "string"),
        ("percentile(amount, 0.5)", 15.175, None, "double"),
        ("median(pieces)", 1.5, None, "double"),
        ("bool_or(paid)", True, None, "boolean"),
        ("bool_and(paid)", False, None, "boolean"),
        ("collect_set(channel)", ["online", "store"], None, "array<string>"),
        ("collect_list(channel)", ["online", "online", "store"], None, "array<string>"),
        ("collect_set(cast(pieces as int))", [1, 2], None, "array<bigint>"),
        ("sum(amount) / count(*)", pytest.approx(30.35 / 3), None, "double"),
        ("round(sum(amount), 1)", Decimal("30.4"), Decimal("0.0"), "decimal(18,1)"),
        ("coalesce(sum(amount), 0)", Decimal("30.35"), Decimal("0.00"), "decimal(18,2)"),
        ("nvl(max(pieces), 0)", 2, 0, "bigint"),
        ("count(*) filter (where paid or pieces = 2) / count(*)", pytest.approx(2 / 3), None, "double"),
        ("datediff(as_of, max(at))", 0, None, "bigint"),
    ],
)
def test_values_types_and_the_value_without_rows(engine, text, ann, nobody, kind):
    by_customer, lost = values(engine, text)
    assert (by_customer["ann"], by_customer["bob"], by_customer["dan"]) == (ann, nobody, nobody)
    assert plan(text, SCHEMA).type == kind
    assert lost == set()


@pytest.mark.parametrize("text", ["sum(amount)", "sum(pieces)", "sum(rate)", "sum(amount) / count(*)",
                                  "sum(amount) + count(*)", "max(amount)"])  # fmt: skip
def test_rows_of_nulls_have_no_sum_and_no_maximum_and_nothing_is_lost(engine, text):
    by_customer, lost = values(engine, text)
    assert by_customer["cat"] is None
    assert "cat" not in lost


def test_a_sum_is_0_where_no_row_counts_though_there_are_rows(engine):
    assert values(engine, "sum(amount) filter (where channel = 'store')")[0]["cat"] == 0
    assert values(engine, "coalesce(sum(amount), 0)")[0]["cat"] == 0


@pytest.mark.parametrize("where", ["channel = 'store' or channel = 'online'", "not channel is null"])
def test_an_or_stays_within_its_window(engine, where):
    counts, _ = values(engine, "count(*)", where=where)
    assert counts == {"ann": 3, "bob": 0, "cat": 0, "dan": 0}


def test_an_or_stays_within_the_condition_beside_it(engine):
    counts, _ = values(engine, "count(*) filter (where pieces = 1 or pieces = 2)", where="channel = 'store' or paid")
    assert counts == {"ann": 1, "bob": 0, "cat": 0, "dan": 0}


MOST = "9999999999999999.99"


@pytest.mark.parametrize(
    ("text", "ann", "lost"),
    [
        ("sum(amount)", None, {"ann"}),
        ("coalesce(sum(amount), 0)", None, {"ann"}),
        ("sum(pieces)", None, {"ann"}),
        ("sum(amount) / sum(pieces)", None, {"ann", "bob"}),
        ("sum(amount) / nullif(count(rate), 0)", None, {"ann"}),
        ("avg(amount)", 1e16, set()),
        ("max(pieces)", 2**63 - 1, set()),
        ("if(sum(amount) > 5, 'much', 'little')", None, {"ann"}),
    ],
)
def test_a_lost_value_is_null_for_that_customer_only_and_counted(engine, text, ann, lost):
    rows = (
        ("ann", "2024-06-02 00:00:00", "store", MOST, str(2**63 - 1), None, None, None),
        ("ann", "2024-06-03 00:00:00", "store", MOST, "1", None, None, None),
        ("bob", "2024-06-03 00:00:00", "store", "5", "0", "1", None, None),
    )
    by_customer, without = values(engine, text, rows=rows)
    assert (by_customer["ann"], without) == (ann, lost)
    if "bob" not in lost and text.startswith("sum(amount)"):
        assert by_customer["bob"] == 5


ADDS_UP = (
    "count(*)", "count(amount)", "count_if(amount > 3)", "sum(amount)", "sum(pieces)", "sum(amount) / count(*)",
    "avg(amount)", "min(amount)", "max(rate)", "bool_or(paid)", "bool_and(paid)", "collect_set(channel)",
    "datediff(as_of, max(at))", "count(*) filter (where channel = 'a' or paid) / nullif(sum(pieces) - 1, 0)",
)  # fmt: skip


def chance_rows(chance):
    """Rows of three people over 40 days, with nulls, ties, NaN and both zeros."""
    for _ in range(60):
        at = f"2024-{chance.choice(('05', '06'))}-{chance.randint(10, 30):02} {chance.randint(0, 23):02}:00:00"
        yield (
            chance.choice(EVERYBODY[:3]), at, chance.choice(("a", "b", "c", None)),
            chance.choice((None, "0.01", f"{chance.randint(-999, 999) / 100:.2f}")),
            chance.choice((None, "0", "1", "2")), chance.choice((None, "NaN", "-0.0", "0.0", "2.5")),
            chance.choice((None, "true", "false")), None,
        )  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_parts_of_some_rows_each_merge_to_the_parts_of_all(engine, seed):
    from pyspark.sql import functions as F  # noqa: N812

    chance = random.Random(seed)
    rows = rows_of(engine, *chance_rows(chance)).selectExpr("*", "cast(at as date) as day")
    plans = [
        plan(text, SCHEMA, parse("channel is not null or paid").tree if chance.random() < 0.5 else None, window)
        for text in ADDS_UP
        for window in (None, Window("at", chance.randint(1, 40)))
    ]
    columns = [
        {name: sql for planned in plans for name, sql in kind(planned).items()}
        for kind in (lambda p: p.parts(), lambda p: p.merge())
    ]
    parts, merges = ([F.expr(sql).alias(name) for name, sql in named.items()] for named in columns)
    results = [f"{planned.value()} as r{number}" for number, planned in enumerate(plans)]
    whole = rows.groupBy("who", "as_of").agg(*parts).selectExpr("who", *results).orderBy("who").collect()
    by_day = rows.groupBy("who", "as_of", "day").agg(*parts)
    merged = by_day.groupBy("who", "as_of").agg(*merges).selectExpr("who", *results).orderBy("who").collect()
    assert merged == whole
    assert len(whole) == 3


NOT_MERGED = ["mode(channel, true)", "median(amount)", "collect_list(channel)", "count(distinct channel)", "sum(rate)"]


@pytest.mark.parametrize("text", NOT_MERGED)
def test_what_needs_all_rows_at_once_has_no_merge(text):
    assert plan(text, SCHEMA).merge() is None


def test_only_an_inner_aggregate_that_names_as_of_changes_daily():
    assert plan("count_if(datediff(as_of, at) < 3)", SCHEMA).changes_daily
    assert not plan("datediff(as_of, max(at))", SCHEMA, window=Window("at", 3)).changes_daily


@pytest.mark.parametrize(
    "text", ["max_by(channel, pieces)", "min_by(channel, struct(paid, pieces))", "mode(channel, true)"]
)
def test_ties_do_not_depend_on_the_order_of_rows(engine, text):
    rows = [("ann", "2024-06-20 12:00:00", channel, None, "1", None, "true", None) for channel in ("b", "a", None, "c")]
    results = set()
    for _ in range(4):
        random.Random(len(results)).shuffle(rows)
        results.add(values(engine, text, rows=rows)[0]["ann"])
    assert len(results) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sum(qty)", "sum needs a number, and 'qty' is a text (string): write cast(qty as decimal(18, 2))"),
        ("avg(channel)", "avg needs a number"),
        ("percentile(qty, 0.5)", "percentile needs a number"),
        ("percentile(amount, pieces)", "write the share as a number from 0 to 1"),
        ("count_if(pieces)", "count_if needs a condition, and 'pieces' is a number (bigint)"),
        ("max(list)", "max needs a value with an order"),
        ("mode(amount, true)", "mode needs text, a time or a whole number"),
        ("sum(distinct pieces)", "only count takes distinct"),
        ("amount", "'amount' does not aggregate"),
        ("sum(amount) + amount", "amount is outside of an aggregate"),
        ("max(sum(amount))", "aggregates an aggregate"),
        ("count(*) filter (where amount > max(amount))", "aggregates in a filter, which asks of one row"),
        ("sum(amuont)", "unknown column 'amuont'; did you mean 'amount'?"),
        ("max(channel) > 3", "a text with a number"),
        ("count(*) filter (where amount)", "number"),
        ("count(*) filter (where channel > 3)", "a text with a number"),
        ("first(channel)", "first"),
        ("sum(amount) over (partition by channel)", "over"),
    ],
)
def test_what_an_aggregate_may_not_be(text, words):
    with pytest.raises(ExpressionError) as error:
        plan(text, SCHEMA)
    assert words in str(error.value)
    assert str(error.value).startswith(repr(text))


def test_the_greatest_text_is_no_number():
    with pytest.raises(ExpressionError, match=r"'max\(qty\)' gives a text .* '9' comes after '100', so cast"):
        plan("max(qty)", SCHEMA, wanted="bigint")
    assert plan("max(cast(qty as bigint))", SCHEMA, wanted="bigint").type == "bigint"


def test_a_condition_is_over_one_row_and_over_values_of_the_column():
    columns = {**COLUMNS, "channel": Column("string", "Channel.", values=("store", "online"))}
    assert condition("channel = 'store'", columns).sql() == "channel = 'store'"
    for text, words in {
        "channel = 'e-mail'": "channel is never 'e-mail'",
        "max(amount) > 3": "aggregates rows, where a condition asks of one",
        "amount": "where a truth (boolean) is wanted",
        "amuont > 3": "did you mean 'amount'",
    }.items():
        with pytest.raises(ExpressionError) as error:
            condition(text, columns)
        assert words in str(error.value)


def test_a_value_of_a_column_keeps_what_the_column_may_hold():
    columns = {**COLUMNS, "channel": Column("string", "Channel.", values=("store", "online"))}
    assert plan("max_by(channel, at)", SCHEMA).column(columns).values == ("store", "online")
    assert plan("lower(max(channel))", SCHEMA).column(columns).values == ()


ORDERS = {
    "bigint": ["-9223372036854775808", "-10", "-9", "0", "1", "2", "10", "9223372036854775807"],
    "int": ["-2147483648", "-1", "0", "5", "10", "2147483647"],
    "decimal(18,2)": [f"-{MOST}", "-10.00", "-9.99", "-0.01", "0.00", "0.01", "9.99", "10.00", MOST],
    "double": ["-1e20", "-2.5", "-0.001", "0.0", "0.001", "1.5", "10.0", "1e20"],
    "date": ["0001-01-01", "1969-12-31", "1970-01-01", "2024-02-29", "9999-12-31"],
    "timestamp": ["1900-01-01 00:00:00", "1969-12-31 23:59:59.999999", "2024-01-01 00:00:00", "2024-01-01 00:00:00.5"],
    "string": ["", " ", "1", "10", "9", "A", "a", "aa", "ä", "中", "😀"],
    "boolean": ["false", "true"],
}  # fmt: skip


@pytest.mark.parametrize("kind", ORDERS)
def test_by_the_order_of_every_type(engine, kind):
    schema = {"value": "string", "by": kind}
    texts = [("one", text) for text in ORDERS[kind]]
    random.Random(1).shuffle(texts)
    rows = engine.createDataFrame(texts, "who string, value string").selectExpr("*", f"cast(value as {kind}) as by")
    for size in range(1, len(texts) + 1):
        some = rows.where(f"value in ({', '.join(repr(text) for text in ORDERS[kind][:size])})")
        greatest, least = (plan(f"{name}(value, by)", schema).sql() for name in ("max_by", "min_by"))
        assert some.groupBy("who").agg(*exprs({"g": greatest, "l": least})).select("g", "l").collect() == [
            (ORDERS[kind][size - 1], ORDERS[kind][0])
        ]


def exprs(named):
    from pyspark.sql import functions as F  # noqa: N812

    return [F.expr(sql).alias(name) for name, sql in named.items()]
