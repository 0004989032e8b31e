"""Every expression that declarations may use gives equal results on both engines, over edge values, in three zones."""

import json
from functools import cache
from pathlib import Path

import pytest
from answers import answers, differences, typed
from asked import embedded
from edges import ZONES, cases
from record import EXPECTED, spark_of

from quanyu.expressions import parse, safe_sql
from quanyu.expressions.functions.table import functions


def recorded(zone):
    by_zone = json.loads(EXPECTED.read_text(encoding="utf-8"))
    return {**by_zone[ZONES[0]], **by_zone[zone]}


@pytest.mark.parametrize("zone", ZONES)
def test_the_embedded_engine_equals_the_record_of_apache_spark(zone):
    by_expression = of_sail(zone)
    assert differences(recorded(zone), {text: answer.values for text, answer in by_expression.items()}) == {}
    assert {text: answer.type for text, answer in by_expression.items()} == typed()


def test_the_record_covers_the_current_expressions():
    assert set(recorded(ZONES[0])) == set(cases())


def test_no_expression_is_always_null():
    """An expression that is always null would not compare the engines."""
    by_expression = recorded(ZONES[0])
    assert [text for text, values in by_expression.items() if all(value is None for value in values)] == []
    assert len(functions()) > 100


@pytest.fixture(scope="module")
def apache_spark(tmp_path_factory, server):
    """A session of its own on the Spark server of the suite."""
    folder = Path(tmp_path_factory.mktemp("spark"))
    (folder / "home").mkdir()
    (folder / "home" / "server").symlink_to(server)
    engine = spark_of(folder)
    yield engine.session()
    engine.release()


@cache
def of_sail(zone):
    """Answers of the embedded engine, which has no mode without ANSI."""
    return answers(embedded(), zone)


@pytest.mark.spark
@pytest.mark.parametrize("ansi", ["true", "false"])
@pytest.mark.parametrize("zone", ZONES)
def test_both_engines_give_the_same(apache_spark, zone, ansi):
    apache_spark.conf.set("spark.sql.ansi.enabled", ansi)
    spark_answers, sail_answers = answers(apache_spark, zone), of_sail(zone)
    assert {text: answer.type for text, answer in spark_answers.items()} == typed()
    assert (
        differences({t: a.values for t, a in spark_answers.items()}, {t: a.values for t, a in sail_answers.items()})
        == {}
    )


@pytest.mark.spark
def test_deep_arithmetic_is_compiled_by_apache_spark(apache_spark):
    """The text that Spark compiles grows with the depth of an expression, not exponentially."""
    depth, schema = 16, {"score": "double"}
    nested = "score" + "".join(f" * {number} / {number}" for number in range(2, depth))
    sql = safe_sql(parse(f"if(score > 0, ({nested}), null)"), schema)
    rows = apache_spark.sql("select cast(id as double) as score from range(2)").selectExpr(f"{sql} as value").collect()
    assert [row.value for row in rows] == [None, pytest.approx(1.0)]
