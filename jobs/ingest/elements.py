"""Elements of a JSON list in a column: their checks, and the table row of each."""

from __future__ import annotations

from jobs.ingest.contract import ELEMENT, POSITION, Check


def list_checks(column: str, table: str, element_checks: list[Check]) -> list[Check]:
    """Checks of a list: that it is present and a list, and the checks of its elements."""
    items = f"`_each_{column}`"
    missing = Check(f"{table}: {column} is missing", f"`{column}` is null")
    no_list = Check(f"{table}: {column} is not a JSON list", f"`{column}` is not null and {items} is null")
    return [missing, no_list, *(Check(check.reason, _of_any(items, check.bad)) for check in element_checks)]


def empty_check(column: str, table: str) -> Check:
    """Check that a list which is grouped to one row is not empty."""
    return Check(f"{table}: {column} is an empty list", f"coalesce(size(`_each_{column}`) = 0, false)")


def rows_sql(column: str, fields: str, empty: str | None = None) -> str:
    """SQL of an array with a struct of these fields for each element; `empty` is SQL for an empty list."""
    struct = f"struct({fields}, {POSITION} + 1 as _position)"
    rows = f"transform(`_each_{column}`, ({ELEMENT}, {POSITION}) -> {struct})"
    return rows if empty is None else f"if(size(`_each_{column}`) = 0, {empty}, {rows})"


def _of_any(items: str, bad: str) -> str:
    """SQL condition that any element is bad; a condition that names no element holds if the list is not empty."""
    if not any(f"`{name}`" in bad for name in (ELEMENT, POSITION)):
        return f"size({items}) > 0 and ({bad})"
    return f"array_contains(transform({items}, ({ELEMENT}, {POSITION}) -> coalesce({bad}, false)), true)"
