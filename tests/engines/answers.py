"""An engine's results for every expression over every row of edge values, as plain comparable values."""

import math
from dataclasses import dataclass

import pyarrow as pa
from edges import SCHEMA, cases, frame

from quanyu.expressions import parse, safe_sql, type_of

AT_ONCE = 60


@dataclass(frozen=True)
class Answer:
    """An expression's type on an engine, and its values by row."""

    type: str
    values: list


def typed():
    """Every expression with its type."""
    return {text: type_of(parse(text), SCHEMA) for text in cases()}


def answers(session, zone):
    """Evaluate every expression on an engine in a zone."""
    return answers_to(session, zone, cases())


def answers_to(session, zone, texts):
    """Evaluate expressions on an engine in a zone, many per query."""
    session.conf.set("spark.sql.session.timeZone", zone)
    table = session.createDataFrame(frame())
    # Columns of an Arrow table are typed as UTC; the lake reads them in the session's zone.
    times = [name for name, kind in SCHEMA.items() if kind == "timestamp"]
    named = [f"cast({name} as timestamp) as {name}" if name in times else name for name in table.columns]
    table.selectExpr(*named).createOrReplaceTempView("edges")
    by_expression = {}
    for start in range(0, len(texts), AT_ONCE):
        part = texts[start : start + AT_ONCE]
        columns_sql = ", ".join(f"{safe_sql(parse(text), SCHEMA)} as c{n}" for n, text in enumerate(part))
        rows = session.sql(f"select _row, {columns_sql} from edges")
        types = [field.dataType.simpleString() for field in rows.schema.fields[1:]]
        columns = rows.toArrow().sort_by("_row").columns[1:]
        by_expression |= {
            text: Answer(kind, plain(column)) for text, kind, column in zip(part, types, columns, strict=True)
        }
    return by_expression


def plain(column):
    """Values as JSON can store them: instants as microseconds, dates as numbers, decimals as text, NaN by name."""
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us", tz="UTC")).cast(pa.int64())
    elif pa.types.is_date32(column.type):
        column = column.cast(pa.int32())
    return [_plain(value) for value in column.to_pylist()]


def _plain(value):
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return str(value) if math.isnan(value) or math.isinf(value) or str(value) == "-0.0" else value
    return value if value is None or isinstance(value, int | str) else str(value)


def same(left, right):
    """Whether two values are identical; doubles within 1e-9."""
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, float) and isinstance(right, int | float):
        return math.isclose(left, right, rel_tol=1e-9)
    return type(left) is type(right) and left == right


def differences(left, right):
    """Expressions whose results differ between two engines, with the first three values that do."""
    return {
        text: [(row, a, b) for row, (a, b) in enumerate(zip(left[text], right[text], strict=True)) if not same(a, b)][
            :3
        ]
        for text in left
        if not same(left[text], right[text])
    }
