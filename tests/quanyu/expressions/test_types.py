"""Every expression has one exact type before anything runs, and types that do not fit are reported."""

import pytest

from quanyu.errors import ExpressionError
from quanyu.expressions import check_domain, check_type, conjunction, parse, safe_sql, to_sql, type_of
from quanyu.expressions.casts import INSTEAD, PAIRS
from quanyu.expressions.functions.refusals import REFUSED
from quanyu.expressions.functions.table import functions
from quanyu.expressions.grammar import AGGREGATES
from quanyu.grammar.table import Column

SCHEMA = {
    "city": "string", "n": "int", "big": "bigint", "paid": "decimal(18,2)", "price": "decimal(18,4)", "score": "double",
    "day": "date", "at": "timestamp", "member": "boolean", "tags": "array<string>", "counts": "array<bigint>",
    "products.category": "string",
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("city", "string"), ("null", "null"), ("'a'", "string"), ("3", "int"), ("3000000000", "bigint"),
        ("0.50", "decimal(2,2)"), ("12345678901234567890", "decimal(20,0)"), ("1e3", "double"), ("true", "boolean"),
        ("n + n", "bigint"), ("n * big", "bigint"), ("paid + price", "decimal(21,4)"), ("paid * n", "decimal(29,2)"),
        ("paid * price", "decimal(37,6)"), ("paid / n", "double"), ("n / 2", "double"), ("n div 2", "bigint"),
        ("score * paid", "double"), ("-n", "bigint"), ("-paid", "decimal(18,2)"), ("round(paid, 1)", "decimal(18,1)"),
        ("floor(paid)", "decimal(17,0)"), ("day + interval 3 days", "date"), ("at - interval 2 hours", "timestamp"),
        ("at > day", "boolean"), ("coalesce(day, at)", "timestamp"), ("coalesce(n, paid)", "decimal(18,2)"),
        ("if(member, n, null)", "int"), ("case when member then 1 else 2.5 end", "decimal(11,1)"),
        ("datediff(at, day)", "int"), ("cast(city as decimal(9, 3))", "decimal(9,3)"), ("tags[0]", "string"),
        ("array(n, big)", "array<bigint>"), ("transform(tags, t -> length(t))", "array<int>"),
        ("filter(counts, c -> c > 1)", "array<bigint>"), ("nullif(at, day)", "timestamp"), ("city || n", "string"),
        ("products.category = 'x'", "boolean"), ("sum(n)", "bigint"), ("sum(paid)", "decimal(18,2)"),
        ("avg(paid)", "double"), ("count(distinct city)", "bigint"), ("max(at)", "timestamp"),
        ("min_by(city, at)", "string"), ("mode(city, true)", "string"), ("max(paid) - min(paid)", "decimal(19,2)"),
        ("collect_set(city)", "array<string>"), ("percentile(n, 0.5)", "double"), ("bool_or(member)", "boolean"),
    ],
)  # fmt: skip
def test_the_type_is_exact(text, kind):
    assert type_of(parse(text), SCHEMA) == kind


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("city > 3", "compares a text with a number (string, int): cast the text, or put the number in quotes"),
        ("paid = 'much'", "compares a number with a text"),
        ("at > 'soon'", "'soon' is no timestamp: write one as '2024-01-31'"),
        ("day = city", "compares a time with a text (date, string): cast the text to a date"),
        ("day > 3", "compares a time with a number"),
        ("member = 1", "compares a truth with a number"),
        ("member > false", "compares truths by order"),
        ("tags = tags", "compares lists"),
        ("tags = city", "compares a list with a text (array<string>, string): ask for an element with array_contains"),
        ("city = null", "write `is null`"),
        ("n in (1, null)", "write `is null`"),
        ("city + 1", "computes with a text (string): cast it to a number"),
        ("at - day", "computes with a time (timestamp): use date_add, date_sub or datediff"),
        ("paid % 2", "cast both to bigint"),
        ("paid * paid * paid", "more than 38 digits: cast a side"),
        ("if(n, 1, 2)", "where a condition is wanted"),
        ("if(member, 1, 'a')", "mixes a number with a text"),
        ("n and member", "is a number (int), where a condition is wanted"),
        ("cast(score as string)", "cast it to a decimal first"),
        ("concat(city, score)", "has no one written form"),
        ("cast(at as bigint)", "write unix_timestamp(x)"),
        ("cast(n as float)", "cast to string, int, bigint"),
        ("cast(at as timestamp_ntz)", "cast to string, int, bigint"),
        ("upper(n)", "upper takes upper(string), and not (int)"),
        ("left(city)", "write left(string, int)"),
        ("cty = 'a'", "unknown column 'cty'; did you mean 'city'"),
        ("uper(city)", "unknown function uper; did you mean 'upper'"),
        ("city rlike n", "a pattern that is written out"),
        ("split(city, city)", "must be a text, written out"),
        ("at + interval 1 day", "write to_date(x) first"),
        ("sum(city)", "sum needs a number, and 'city' is a text (string): write cast(city as"),
        ("avg(day)", "avg needs a number"),
        ("max(tags)", "max needs a value with an order"),
        ("mode(city)", "write mode(x, true)"),
        ("sum(distinct n)", "only count takes distinct"),
        ("first(city)", "write min_by(x, y) or max_by(x, y)"),
        ("to_json(tags)", "write concat"),
        ("row_number() over (order by n)", "looks at other rows"),
        ("city ilike 'a%'", "lower(x) like"),
        ("months_between(day, at)", "datediff(a, b) / 30.4375"),
        ("regexp_extract(city, 'a(b)', 2)", "no group 2"),
        ("n & 1", "this operator is not in use"),
        ("x'1F'", "HexString is not in use"),
    ],
)  # fmt: skip
def test_types_that_do_not_fit_are_reported(text, words):
    with pytest.raises(ExpressionError) as error:
        type_of(parse(text), SCHEMA)
    assert words in str(error.value)


def test_a_text_that_will_be_cast_may_fill_any_column_and_a_double_no_text():
    check_type(parse("city"), SCHEMA, "decimal(18,2)", loose=True)
    with pytest.raises(ExpressionError, match="cast it to a decimal first"):
        check_type(parse("score"), SCHEMA, "string", loose=True)


def test_conditions_are_joined_as_trees_so_that_an_or_stays_inside():
    joined = conjunction(parse("city = 'a' or city = 'b'").tree, parse("n > 1").tree)
    assert to_sql(joined) == "(`city` = 'a' OR `city` = 'b') AND (`n` > 1)"
    assert to_sql(conjunction(parse("n > 1").tree)) == "`n` > 1"
    assert to_sql(conjunction()) == "TRUE"


def test_a_long_chain_is_written_in_halves_and_a_nested_coalesce_flat():
    chain = " or ".join(f"n = {number}" for number in range(1000))
    sql, depth, deepest = safe_sql(parse(chain), SCHEMA), 0, 0
    for sign in sql:
        depth += {"(": 1, ")": -1}.get(sign, 0)
        deepest = max(deepest, depth)
    assert deepest < 15
    assert safe_sql(parse("coalesce(coalesce(coalesce(n, 1), 2), 3)"), SCHEMA) == "coalesce(`n`, 1, 2, 3)"
    with pytest.raises(ExpressionError, match="too deep"):
        type_of(parse("(" * 2000 + "n" + ")" * 2000), SCHEMA)


COLUMNS = {
    "orders.channel": Column("string", "C.", values=("wecom", "sms", "email")),
    "churn.score": Column("double", "S.", at_least=0, at_most=1),
    "n": Column("int", "N."),
}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("orders.channel = 'e-mail'", "orders.channel is never 'e-mail'; did you mean 'email'?"),
        ("'e-mail' <> orders.channel", "did you mean 'email'?"),
        ("orders.channel in ('sms', 'e-mail')", "did you mean 'email'?"),
        ("not orders.channel in ('e-mail')", "did you mean 'email'?"),
        ("case orders.channel when 'e-mail' then 1 end = 1", "did you mean 'email'?"),
        ("if(orders.channel = 'e-mail', 1, 2) = 1", "did you mean 'email'?"),
        ("churn.score > 7", "at least 0 and at most 1, never 7"),
        ("7 < churn.score", "never 7"),
        ("churn.score >= 0", "write `is not null`"),
        ("churn.score < 1.5", "write `is not null`"),
        ("churn.score between 2 and 3", "never 2"),
        ("churn.score = -0.5", "never -0.5"),
        ("orders.channel = 'sms' and churn.score > 0.6 and n > 7", None),
        ("churn.score > 0 and churn.score <= 0.5 and churn.score between 0.2 and 0.7", None),
        ("churn.score = 1 or churn.score = 0", None),
    ],
)
def test_a_comparison_that_decides_nothing_is_refused(text, words):
    if words is None:
        check_domain(parse(text).tree, COLUMNS)
        return
    with pytest.raises(ExpressionError) as error:
        check_domain(parse(text).tree, COLUMNS)
    assert words in str(error.value)


def test_no_listed_function_is_refused():
    assert set(functions()) & {*REFUSED, *AGGREGATES} == set()
    assert set(PAIRS) & set(INSTEAD) == set()
