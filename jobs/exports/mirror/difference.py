"""What is to be added to a platform and withdrawn from it: the set that may be there against the set that should be."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from quanyu.lake.receipt import Receipt
from quanyu.literals import quoted
from quanyu.model.exports import ExportSets
from quanyu.run.runner import Context

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

PLACE = "gold/export_sets"
_CURRENT = ("customer_id", "address_hash", "state", "batch", "earlier_batch", "since")


def current_set(context: Context, export: str) -> DataFrame:
    """Rows of ExportSets of an export: all values that may be on the platform, and those that it refused."""
    return context.lake.table(ExportSets).where(f"export = {quoted(export)}")


def wanted_set(rows: DataFrame) -> DataFrame:
    """Values that should be on the platform, once each: identifier, value, customer_id, address_hash.

    `rows` are answers of the gate with `identifier` and `formed`. Of customers with one value the first by id counts.
    """
    free = rows.where("reason is null and formed is not null")
    first = free.groupBy("identifier", "formed").agg({"customer_id": "min", "address_hash": "min"})
    names = {"formed": "value", "min(customer_id)": "customer_id", "min(address_hash)": "address_hash"}
    return first.selectExpr("identifier", *(f"`{old}` as {new}" for old, new in names.items()))


def difference(
    current: DataFrame, wanted: DataFrame, day: date, adds: bool, unsettled: Sequence[str] = ()
) -> DataFrame:
    """The set with what is to be done: rows of ExportSets without `export`, new values `adding`, others `removing`.

    `is_changed` marks rows whose state is another than in `current`.

    Without `adds` nothing is begun: new values are left out, and a value that is being withdrawn stays so. So does one
    of an unsettled batch: the platform may take both in any order.

    A value that was refused was never there, so it is not withdrawn: its row, without a state, is to be deleted. On the
    day of the refusal it stays, for people to be told of it.
    """
    before = current.selectExpr("identifier", "value", *(f"{name} as {name}_before" for name in _CURRENT))
    after = wanted.selectExpr("*", "true as wanted")
    both = before.join(after, ["identifier", "value"], "full_outer")
    carried = ", ".join(map(quoted, unsettled)) or "null"
    on_its_way = f"coalesce(batch_before in ({carried}), false) or coalesce(earlier_batch_before in ({carried}), false)"
    again = f"if({on_its_way}, state_before, 'adding')" if adds else "state_before"
    begun = "'adding'" if adds else "null"
    forgotten = f"if(since_before < date'{day}', null, 'refused')"
    state = (
        f"case when wanted and state_before is null then {begun} when wanted and state_before = 'removing' then {again}"
        f" when wanted then state_before when state_before = 'refused' and not ({on_its_way}) then {forgotten}"
        " else 'removing' end as state"
    )
    rows = both.selectExpr(
        "identifier", "value", "coalesce(customer_id, customer_id_before) as customer_id",
        "coalesce(address_hash, address_hash_before) as address_hash", state, "state_before", "batch_before as batch",
        "earlier_batch_before as earlier_batch", "since_before",
    ).where("state is not null or state_before is not null")  # fmt: skip
    since = f"if(state = state_before, since_before, date'{day}') as since"
    changed = "coalesce(state <> state_before, true) as is_changed"
    columns = ("identifier", "value", "customer_id", "address_hash", "state", "batch", "earlier_batch", since, changed)
    return rows.selectExpr(*columns)


def changes(rows: DataFrame) -> DataFrame:
    """Rows of ExportSets to be merged: those without a state are deleted."""
    # The committer checks required columns of deleted rows too.
    columns = ("coalesce(state, 'removing') as state" if name == "state" else name for name in ExportSets.columns)
    return rows.selectExpr(*columns, "if(state is null, 'delete', 'update') as _op")


def write_set(context: Context, export: str, rows: DataFrame, receipt: Receipt) -> int:
    """Write what changes in the set of an export before anything is sent; return the number of these rows."""
    context.lake.prepare(ExportSets)
    columns = (f"{quoted(export)} as export" if name == "export" else name for name in ExportSets.columns)
    staged = context.lake.staging.stage(rows.where("is_changed").selectExpr(*columns))
    counts = {"out": staged.count}
    if staged.count and context.lake.version(PLACE) is None:
        context.lake.append(PLACE, staged, receipt, counts)
    elif staged.count:
        updates = context.lake.staging.stage(changes(staged.rows))
        context.lake.merge(ExportSets, updates, ExportSets.keys, receipt, counts)
    return staged.count
