"""Versions of a key in silver: their order, what each replaces, and which of them say nothing new."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from jobs.ingest.file_order import file_order
from quanyu.expressions.datatypes import midnight
from quanyu.lake import Lake
from quanyu.lake.difference import row_hash
from quanyu.literals import quoted
from quanyu.source import Source
from quanyu.table import Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def standing_versions(lake: Lake, table: type[Table], source: Source) -> DataFrame:
    """Versions of a feed in silver that nothing replaced."""
    return lake.table(table).where(f"source = {quoted(source.name)} and replaced_on is null")


def place_sql(table: type[Table], source: Source) -> str:
    """SQL of what orders the versions of a key: the time that rows tell in `newest_by`, else the day of the feed.

    A snapshot is the state of its day, whatever times its rows tell.
    """
    if table.newest_by is None or source.delivers == "snapshot":
        return "feed_day"
    return f"coalesce({moment(table.newest_by)}, {midnight('feed_day')})"


def moment(newest_by: str) -> str:
    """SQL of when the source last changed a row; of an hour that its clocks tell twice, the beginning.

    The rows of such an hour come in their order.
    """
    at = f"`{newest_by}`"
    begin = f"cast(timestamp_seconds(unix_timestamp({at}) - minute({at}) * 60 - second({at})) as timestamp)"
    return f"if(hour({at}) = hour({at} + interval 3600 second), {begin}, {at})"


def marked(table: type[Table], rows: DataFrame, old: bool, gone: bool) -> DataFrame:
    """Rows as the chain of versions takes them: _old (already in silver), _gone (the key ends here) and _hash."""
    with_end = rows if "replaced_on" in rows.columns else rows.selectExpr("*", "cast(null as date) as replaced_on")
    columns = [*(["person_key"] if table.personal else []), *table.columns]
    flags = (f"{row_hash(columns)} as _hash", f"{str(old).lower()} as _old", f"{str(gone).lower()} as _gone")
    return with_end.select(*table.schema()).selectExpr("*", *flags)


def stored(table: type[Table], replaced_on: str) -> list[str]:
    """Columns of a version as silver has them, with the SQL of the day on which it was replaced."""
    return [f"`{name}`" if name != "replaced_on" else f"{replaced_on} as replaced_on" for name in table.schema()]


def flagged_versions(old: DataFrame, key: list[str], superseded: DataFrame | None) -> DataFrame:
    """Versions in silver, `_superseded` where their key is one of some."""
    if superseded is None:
        return old.selectExpr("*", "false as _superseded")
    flagged = old.join(superseded.selectExpr(*key, "true as _flag"), key, "left")
    return flagged.selectExpr("*", "coalesce(_flag, false) as _superseded").drop("_flag")


def chained(table: type[Table], source: Source, rows: DataFrame, ends_have_times: bool = False) -> DataFrame:
    """Order the versions of each key and leave out those that say what the one before said.

    `rows` are `marked`, with `_superseded`: a version that its own feed day no longer tells so, which comes first.
    Adds `_next`, the day on which the following version became known, `_next_gone`, and `_late`: rows behind what
    silver has, in no chain.
    """
    from pyspark.sql import functions as F  # noqa: N812

    key, place = ", ".join(f"`{name}`" for name in table.keys), place_sql(table, source)
    # A key that a feed no longer tells ends with its day, which has no time of its own; an element with its list.
    at = place if place == "feed_day" or ends_have_times else f"if(_gone, {midnight('feed_day')}, {place})"
    first = f"if(_superseded, min({at}) over (partition by {key}), {at}) as _at"
    placed = rows.selectExpr("*", first)
    since = f"max(if(_old, _at, null)) over (partition by {key})"
    current_hash = f"max(if(_old, _hash, null)) over (partition by {key})"
    # What became known never lies before what was known already, in whichever order days are run.
    recorded = (
        f"if(_old, recorded_on, greatest(recorded_on, max(if(_old, recorded_on, null)) over (partition by {key})))"
    )
    placed = placed.withColumn("recorded_on", F.expr(f"coalesce({recorded}, recorded_on)"))
    placed = placed.selectExpr("*", f"{since} as _since", f"{current_hash} as _known")
    placed = placed.selectExpr("*", "not _old and _since is not null and _at < _since as _late")
    order = f"(partition by {key}, _late order by _at, _superseded desc, feed_day, _old desc, recorded_on)"
    before = placed.selectExpr("*", f"lag(_hash) over {order} as _before", f"lag(_gone) over {order} as _before_gone")
    ends = "_gone and _before is not null and not _before_gone"
    differs = f"({ends}) or (not _gone and (not (_before <=> _hash) or coalesce(_before_gone, true)))"
    versions = before.where(f"_old or if(_late, not _gone and not (_known <=> _hash), {differs})")
    following = (f"lead(recorded_on) over {order} as _next", f"lead(_gone) over {order} as _next_gone")
    return versions.selectExpr("*", *following)


def one_per_day(rows: DataFrame, keys: Sequence[str], newest_by: str | None) -> DataFrame:
    """Keep the last row of a key on each day of the feed: the newest where rows tell, else the last in the files."""
    names = ", ".join(f"`{name}`" for name in keys)
    newest = [f"{moment(newest_by)} desc nulls last"] if newest_by else []
    order = ", ".join([*newest, f"{file_order('_file')} desc", "_row desc"])
    numbered = rows.selectExpr("*", f"row_number() over (partition by feed_day, {names} order by {order}) as _n")
    return numbered.where("_n = 1").drop("_n")
