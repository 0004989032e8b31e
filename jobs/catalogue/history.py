"""The history of definitions: which text of a declaration was in force on which days."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any

from quanyu.catalogue.definitions import Definition, definitions, is_same
from quanyu.lake import Lake, place_of
from quanyu.lake.receipt import Receipt
from quanyu.model.statistics import Definitions
from quanyu.run.runner import Context, Outcome

PLACE = place_of(Definitions)
Row = Mapping[str, Any]


def write(context: Context, receipt: Receipt) -> Outcome:
    """Bring the history to the day: a definition that is new or has changed begins, its predecessor ends."""
    import pyarrow as pa

    current = definitions(context.catalogue)
    before = context.lake.rows(PLACE).to_pylist() if context.lake.exists(PLACE) else []
    rows = list(continued(before, current, context.day))
    changed = sum(row not in before for row in rows)
    context.lake.prepare(Definitions)
    if changed:
        table = pa.Table.from_pylist(rows, context.lake.arrow(PLACE).schema)
        context.lake.replace_rows(PLACE, table, receipt, {"out": changed})
    return Outcome(len(current), changed, unchanged=len(rows) - changed)


def continued(before: Iterable[Row], current: Iterable[Definition], day: date) -> Iterator[Row]:
    """Rows of the history on a day, from those before it. Of several definitions on one day the last counts.

    A definition has changed too if something has that it is made of.
    """
    now = {(one.kind, one.name): one for one in current}
    unchanged = set()
    for row in before:
        key = (row["kind"], row["declaration"])
        if row["valid_to"] is not None:
            yield row
        elif key in now and is_same(now[key].digest(), row["digest"]):
            unchanged.add(key)
            # A row of an earlier release, which recorded no inputs, has those of today from now on.
            yield {**row, "digest": now[key].digest()}
        elif row["valid_from"] < day:
            yield {**row, "valid_to": day}
    for key, one in now.items():
        if key not in unchanged:
            yield {"kind": one.kind, "declaration": one.name, "valid_from": day, "valid_to": None,
                   "digest": one.digest(), "text": one.text}  # fmt: skip


def of_name(lake: Lake, kind: str, name: str) -> list[Row]:
    """Definitions of a name, oldest first; empty before the first run that recorded them."""
    from pyarrow import compute as pc

    if not lake.exists(PLACE):
        return []
    where = (pc.field("kind") == kind) & (pc.field("declaration") == name)
    return sorted(lake.rows(PLACE, where=where).to_pylist(), key=lambda row: row["valid_from"])


def on_day(rows: Iterable[Row], day: date) -> Row | None:
    """The definition that was in force on a day; None where none is known."""
    return next((r for r in rows if r["valid_from"] <= day and (r["valid_to"] is None or day < r["valid_to"])), None)
