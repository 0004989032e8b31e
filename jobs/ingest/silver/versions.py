"""Versions of a key in silver: their order, what each replaces, and which of them change nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from jobs.ingest.landing.file_order import file_order
from quanyu.expressions.datatypes import midnight
from quanyu.feeds.source import Source
from quanyu.grammar.table import LINEAGE, Table
from quanyu.lake import Lake
from quanyu.lake.difference import row_hash
from quanyu.literals import quoted

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# Column of mapped rows: the position in the list of a feed's row; 0 for a row without a list.
PLACE = "_place"


def current_versions(lake: Lake, table: type[Table], source: Source) -> DataFrame:
    """Current versions of a feed in silver, which have no `replaced_on`."""
    return lake.table(table).where(f"source = {quoted(source.name)} and replaced_on is null")


def place_sql(table: type[Table], source: Source) -> str:
    """SQL that orders the versions of a key: the time in the column `sequence_by`, else the feed's day.

    A snapshot is the state of its day, whatever the times in its rows.
    """
    if table.sequence_by is None or source.delivers == "snapshot":
        return "feed_day"
    return f"coalesce({moment(table.sequence_by)}, {midnight('feed_day')})"


def moment(sequence_by: str) -> str:
    """SQL of when the source last changed a row; in an hour that occurs twice, when clocks go back, its beginning.

    So the rows of such an hour stay in their order in the files.
    """
    at = f"`{sequence_by}`"
    begin = f"cast(timestamp_seconds(unix_timestamp({at}) - minute({at}) * 60 - second({at})) as timestamp)"
    return f"if(hour({at}) = hour({at} + interval 3600 second), {begin}, {at})"


def marked(table: type[Table], rows: DataFrame, old: bool, gone: bool) -> DataFrame:
    """Rows as `version_chain` needs them: with _old (already in silver), _gone (the key ends here) and _hash.

    The hash is of what the row says, and not of where it says so.
    """
    schema = table.schema()
    missing = (name for name in ("replaced_on", *LINEAGE) if name in schema and name not in rows.columns)
    whole = rows.selectExpr("*", *(f"cast(null as {schema[name].type}) as {name}" for name in missing))
    columns = [*(["person_key"] if table.personal else []), *table.columns]
    flags = (f"{row_hash(columns)} as _hash", f"{str(old).lower()} as _old", f"{str(gone).lower()} as _gone")
    return whole.select(*schema).selectExpr("*", *flags)


def stored(table: type[Table], replaced_on: str) -> list[str]:
    """SQL of the columns of a version as stored in silver; `replaced_on` is SQL of the day of its replacement."""
    return [f"`{name}`" if name != "replaced_on" else f"{replaced_on} as replaced_on" for name in table.schema()]


def flagged_versions(old: DataFrame, key: list[str], superseded: DataFrame | None) -> DataFrame:
    """Versions in silver with `_superseded`, which is true if their key is in `superseded`."""
    if superseded is None:
        return old.selectExpr("*", "false as _superseded")
    flagged = old.join(superseded.selectExpr(*key, "true as _flag"), key, "left")
    return flagged.selectExpr("*", "coalesce(_flag, false) as _superseded").drop("_flag")


def version_chain(table: type[Table], source: Source, rows: DataFrame, ends_have_times: bool = False) -> DataFrame:
    """Order the versions of each key and leave out those that are equal to the one before.

    `rows` are `marked` and have `_superseded`: a version that its own feed day no longer contains, which comes first.
    Adds `_next`, the day on which the following version is recorded, `_next_gone`, and `_late`, for rows that are older
    than silver's version and not part of the chain.
    """
    from pyspark.sql import functions as F  # noqa: N812

    key, place = ", ".join(f"`{name}`" for name in table.keys), place_sql(table, source)
    # A key that a feed no longer contains ends with the feed's day, which has no time; an element ends with its list.
    at = place if place == "feed_day" or ends_have_times else f"if(_gone, {midnight('feed_day')}, {place})"
    first = f"if(_superseded, min({at}) over (partition by {key}), {at}) as _at"
    placed = rows.selectExpr("*", first)
    since = f"max(if(_old, _at, null)) over (partition by {key})"
    current_hash = f"max(if(_old, _hash, null)) over (partition by {key})"
    # `recorded_on` never precedes that of the version before, in whichever order the days are run.
    recorded = (
        f"if(_old, recorded_on, greatest(recorded_on, max(if(_old, recorded_on, null)) over (partition by {key})))"
    )
    placed = placed.withColumn("recorded_on", F.expr(f"coalesce({recorded}, recorded_on)"))
    placed = placed.selectExpr("*", f"{since} as _since", f"{current_hash} as _current")
    placed = placed.selectExpr("*", "not _old and _since is not null and _at < _since as _late")
    order = f"(partition by {key}, _late order by _at, _superseded desc, feed_day, _old desc, recorded_on)"
    before = placed.selectExpr("*", f"lag(_hash) over {order} as _before", f"lag(_gone) over {order} as _before_gone")
    ends = "_gone and _before is not null and not _before_gone"
    differs = f"({ends}) or (not _gone and (not (_before <=> _hash) or coalesce(_before_gone, true)))"
    versions = before.where(f"_old or if(_late, not _gone and not (_current <=> _hash), {differs})")
    following = (f"lead(recorded_on) over {order} as _next", f"lead(_gone) over {order} as _next_gone")
    return versions.selectExpr("*", *following)


def one_per_day(rows: DataFrame, keys: Sequence[str], sequence_by: str | None) -> DataFrame:
    """Select the last row of each key on each day of the feed: the newest by `sequence_by`, else the last in order."""
    names = ", ".join(f"`{name}`" for name in keys)
    newest = [f"{moment(sequence_by)} desc nulls last"] if sequence_by else []
    order = ", ".join([*newest, f"{file_order('_file')} desc", "_row desc", f"{PLACE} desc"])
    numbered = rows.selectExpr("*", f"row_number() over (partition by feed_day, {names} order by {order}) as _n")
    return numbered.where("_n = 1").drop("_n")
