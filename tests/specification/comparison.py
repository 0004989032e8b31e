"""Compares the computed rows of a case with its expectation, and describes the differences."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from specification import ascii_table
from specification.case import Case

Rows = list[dict[str, Any]]


def differences(case: Case, rows: Rows, key: str) -> list[str]:
    """Describe the differences; empty where the case is right. `key` is the column that names what rows are about."""
    plain = [{name: _without(case.prefix, value) for name, value in row.items()} for row in rows]
    if isinstance(case.expect, str):
        return _table_differences(case.expect, plain)
    by_customer = {row[key]: row for row in plain}
    if isinstance(case.expect, set | frozenset):
        inside = {name for name, row in by_customer.items() if row["inside"]}
        return [] if inside == case.expect else [f"inside: {sorted(inside)}, right: {sorted(case.expect)}"]
    return [
        text
        for name, values in case.expect.items()
        for text in _customer_differences(name, values, by_customer.get(name))
    ]


def _without(prefix: str, value: Any) -> Any:
    if isinstance(value, list):
        return [_without(prefix, item) for item in value]
    return value.replace(prefix, "") if isinstance(value, str) else value


def _customer_differences(name: str, expected: Any, row: dict[str, Any] | None) -> list[str]:
    if expected is None or row is None:
        return [] if expected is row else [f"{name}: {'there is no row' if row is None else f'there is a row: {row}'}"]
    values = expected if isinstance(expected, Mapping) else {"label": expected}
    unknown = sorted(set(values) - set(row))
    if unknown:
        return [f"{name}: there is no {', '.join(unknown)}; there are {', '.join(row)}"]
    return [f"{name}: {n} is {row[n]!r}, right: {v!r}" for n, v in values.items() if not same(row[n], v)]


def _table_differences(text: str, rows: Rows) -> list[str]:
    """Compare rows, in any order, in the columns of the table; `customer` stands for customer_id."""
    lines = ascii_table.cells(text)
    header = [cell.strip() for cell in text.strip().splitlines()[0].split("|")]
    columns = {name: "customer_id" if name == "customer" else name for name in header}
    texts = [{name: _text(row[column]) for name, column in columns.items()} for row in rows]
    missing = [line for line in lines if texts.count(line) < lines.count(line)]
    surplus = [line for line in texts if lines.count(line) < texts.count(line)]
    return [f"missing: {line}" for line in missing] + [f"not expected: {line}" for line in surplus]


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def same(value: Any, expected: Any) -> bool:
    """Whether a value equals the expected one: doubles within 1e-9, money to the cent, moments and days as text."""
    if expected is None or value is None or isinstance(value, bool) or isinstance(expected, bool):
        return value is expected
    if isinstance(value, list):
        return value == list(expected)
    if isinstance(value, float):
        return math.isclose(value, float(expected), rel_tol=1e-9) or (math.isnan(value) and math.isnan(expected))
    if isinstance(value, int | Decimal) and isinstance(expected, int | float | Decimal):
        return Decimal(value) == Decimal(str(expected))
    return str(value) == str(expected)
