"""Lost values: an expression that is null although no operand is null is detected and counted."""

import pytest

from quanyu.errors import ExpressionError
from quanyu.expressions import lost, parse, safe_sql, type_of
from quanyu.expressions.aggregates import plan

SCHEMA = {
    "n": "bigint", "i": "int", "x": "double", "paid": "decimal(18,2)", "city": "string", "day": "date",
    "at": "timestamp", "tags": "array<string>",
}  # fmt: skip


@pytest.fixture(scope="module")
def row(engine):
    """One row without a null."""
    return engine.sql(
        "select 3L as n, 3 as i, cast('1e300' as double) as x, cast('5.00' as decimal(18,2)) as paid, 'Rome' as city, "
        "date'2024-07-01' as day, cast('2024-07-01 10:00:00' as timestamp) as at, array('a') as tags"
    )


def losses(row, text):
    """The value of an expression, and whether it is lost."""
    tree = parse(text).tree
    return row.selectExpr(safe_sql(tree, SCHEMA), lost(tree, SCHEMA) or "false").collect()[0]


@pytest.mark.parametrize(
    "text",
    [
        "n * 9223372036854775807", "n + 9223372036854775807", "-9223372036854775807 - n", "n / 0", "n div 0", "n % 0",
        "mod(n, 0)", "pmod(n, 0)", "ln(n - 3)", "log10(0 - n)", "log2(0 - n)", "sqrt(0 - n)", "power(0, 0 - n)",
        "pow(x, 2)", "exp(n * 1000)", "x * 1e10", "x / 1e-10", "x * x - x * x", "round(x * 1e7, 2)", "abs(x * 1e10)",
        "to_date(city, 'yyyyMMdd')", "to_timestamp(city, 'yyyy')", "to_date(city)", "date(city)", "to_timestamp(city)",
        "date_add(day, i * 999999999)", "date_sub(day, 99999999)", "add_months(day, i * 1000000)",
        "make_date(2024, i + 10, 30)", "make_date(2023, 2, i + 26)", "timestamp_seconds(n * 9999999999999)",
        "timestamp_millis(n * 999999999999999)", "from_unixtime(n * 99999999999999, 'yyyy')", "ceil(x)", "floor(x)",
        "cast(x as bigint)", "cast(x as int)", "cast(x as decimal(18,2))", "cast(n * 1000000000 as int)",
        "cast(paid * 1000 as decimal(5,2))", "cast(city as int)", "cast(city as double)", "cast(city as date)",
        "cast(city as boolean)", "round(city, 2)", "year(to_date(city))", "greatest(n / 0, 1)",
        "concat_ws('-', city, cast(n div 0 as string))", "nullif(n / 0, 1)",
    ],
)  # fmt: skip
def test_null_from_non_null_operands_is_a_loss(row, text):
    value, is_lost = losses(row, text)
    assert is_lost
    assert value is None or text.startswith(("greatest", "concat_ws"))


@pytest.mark.parametrize(
    "text",
    [
        "nullif(n, 3)", "10 / nullif(n, 3)", "case when n > 3 then 1 end", "coalesce(n / 0, 1)", "nvl(n / 0, 1)",
        "ifnull(cast(city as int), 1)", "if(n > 3, 1, null)", "try_to_timestamp(city, 'yyyy')", "tags[7]",
        "try_cast(city as int)", "get(tags, 7)", "element_at(tags, 7)", "cast(get(tags, 7) as int)",
        "array_max(filter(tags, t -> t = 'b'))", "get_json_object(city, '$.a')",
        "cast(get_json_object(city, '$.a') as int) + 1 > 2",
        "n * 3 - 1", "paid - paid", "cast(paid as double) / n", "year(day)", "substring(city, -99, 2)",
    ],
)  # fmt: skip
def test_null_on_purpose_and_what_fits_are_no_loss(row, text):
    assert not losses(row, text)[1]


def test_null_operands_are_no_loss_and_safe_expressions_need_no_check(row):
    nothing = row.selectExpr("cast(null as bigint) as n", "city", "paid")
    assert nothing.where(str(lost(parse("n * 2 / 0").tree, SCHEMA))).count() == 0
    for text in ("paid * 2 + n", "year(day) > 2000", "concat(city, n)", "upper(city) = 'A'", "datediff(day, at) < 3"):
        assert lost(parse(text).tree, SCHEMA) is None, text


@pytest.mark.parametrize("text", ["x * 1e308 > 0", "x * x >= 0", "x * 1e308 * 0 = 0", "exp(x) > 0", "-(x * x) < 0"])
def test_an_infinite_number_meets_no_rule(row, text):
    assert losses(row, text) == (None, True)


@pytest.mark.parametrize("text", ["sum(x)", "avg(x)", "sum(x) / count(*)", "max(x * 1e10)", "sum(x * x)",
                                  "max(x) * max(x)", "sum(n * 9223372036854775807)", "ln(min(n) - 9)"])  # fmt: skip
def test_of_aggregates_too(row, text):
    from pyspark.sql import functions as F  # noqa: N812

    rows = row.selectExpr("n", "cast('1.5e308' as double) as x", "day as as_of")
    planned = plan(text, {"n": "bigint", "x": "double", "as_of": "date"})
    parts = [F.expr(sql).alias(name) for name, sql in planned.parts().items()]
    totals = rows.union(rows).groupBy("as_of").agg(*parts).selectExpr(planned.value(), str(planned.lost())).collect()
    assert tuple(totals[0]) == (None, True)


def test_a_literal_beyond_doubles_is_refused():
    with pytest.raises(ExpressionError, match="1e400 is larger than any double"):
        type_of(parse("x > 1e400"), SCHEMA)
