"""Elements of a JSON list in a column: their checks, and the table row of each."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from jobs.ingest.mapping.contract import ELEMENT, POSITION, Check


def list_checks(column: str, table: str, element_checks: list[Check]) -> list[Check]:
    """Checks of a list: that it is present and a list, and the checks of its elements."""
    items = f"`_each_{column}`"
    missing = Check(f"{table}: {column} is missing", f"`{column}` is null")
    no_list = Check(f"{table}: {column} is not a JSON list", f"`{column}` is not null and {items} is null")
    return [missing, no_list, *(Check(check.reason, _of_any(items, check.bad)) for check in element_checks)]


def empty_check(column: str, table: str) -> Check:
    """Check that a list which is grouped to one row is not empty."""
    return Check(f"{table}: {column} is an empty list", f"coalesce(size(`_each_{column}`) = 0, false)")


def rows_sql(column: str, fields: str) -> str:
    """SQL of an array of structs of these fields, one for each element."""
    return f"transform(`_each_{column}`, ({ELEMENT}, {POSITION}) -> struct({fields}, {POSITION} + 1 as _position))"


def rows_of_whole_list(column: str, columns: Mapping[str, str], keys: Collection[str]) -> str:
    """The same, with one struct for an empty list: what its row says of the owner, and null for the elements' `keys`.

    It is the one expression for both, since an engine takes two kinds of structs for two types.
    """
    items = f"`_each_{column}`"
    fields = (
        f"{f'if(size({items}) = 0, null, {sql})' if name in keys else sql} as `{name}`" for name, sql in columns.items()
    )
    listed = f"if(size({items}) = 0, array(get({items}, 0)), {items})"
    struct = f"struct({', '.join(fields)}, {POSITION} + 1 as _position)"
    return f"transform({listed}, ({ELEMENT}, {POSITION}) -> {struct})"


def _of_any(items: str, bad: str) -> str:
    """SQL condition that any element is bad; a condition that names no element holds if the list is not empty."""
    if not any(f"`{name}`" in bad for name in (ELEMENT, POSITION)):
        return f"size({items}) > 0 and ({bad})"
    return f"array_contains(transform({items}, ({ELEMENT}, {POSITION}) -> coalesce({bad}, false)), true)"
