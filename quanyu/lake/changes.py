"""What came, went or changed in a table since a commit: Delta's change feed, read without Spark."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import pyarrow as pa


class Mark(NamedTuple):
    """A state of a table: which table it is, as Delta names it, and the number of its last commit."""

    table: str
    version: int


def mark(path: str) -> Mark | None:
    """State of the table in a folder as it lies there now; None where there is none."""
    from deltalake import DeltaTable
    from deltalake.exceptions import TableNotFoundError

    try:
        table = DeltaTable(path)
    except TableNotFoundError:
        return None
    return Mark(str(table.metadata().id), int(table.version()))


def changed(path: str, since: int, columns: Sequence[str]) -> pa.Table | None:
    """Different values of columns of texts on rows that came, went or changed after a version, before and after.

    None where the feed does not reach back so far: it was not on yet, or its files were cleared away.
    """
    import pyarrow as pa
    from deltalake import DeltaTable

    table, schema = DeltaTable(path), pa.schema([(name, pa.string()) for name in columns])
    if table.version() <= since:
        return schema.empty_table()
    try:
        rows: Any = table.load_cdf(starting_version=since + 1, ending_version=table.version(), columns=list(columns))
        found = pa.table(rows.read_all())
    except Exception:
        # delta-rs tells of a file that was cleared away by an exception of no kind of its own.
        return None
    return found.select(schema.names).cast(schema).group_by(schema.names).aggregate([])
