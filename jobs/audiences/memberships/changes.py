"""Intervals of the members whose rows may change on a day. Those of all others stay as they are stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from jobs.audiences.memberships.due import DueDays
from jobs.audiences.memberships.intervals import (
    MOVES,
    among,
    ever_held_out,
    id_changes,
    intervals_since,
    staying,
)
from quanyu.grammar.entity import Entity
from quanyu.lake.staging import Staging
from quanyu.lake.union import union_all
from quanyu.literals import dates
from quanyu.run.runner import Context

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class ChangedIntervals:
    """Members whose rows may change (audience, the entity's key, each once), and all rows that they have from now."""

    members: DataFrame
    rows: DataFrame


def changed_intervals(
    context: Context, entity: type[Entity], before: DataFrame, now: DataFrame, groups: Sequence[DueDays]
) -> ChangedIntervals:
    """Intervals after the days of all groups, of the members who do not just stay. `now` is who was inside on the days.

    Audiences outside the groups stay unchanged.
    """
    lake = context.lake
    identities = lake.table(context.catalogue.tables["identities"]) if entity.resolved else None
    holdouts = lake.staging.stage(ever_held_out(entity, before, identities)).rows
    nobody = before.where("false")
    parts = [ChangedIntervals(nobody.select("audience", entity.key), nobody)]
    for group in groups:
        stored = before.where(among(group.names))
        current = lake.staging.materialize(staying(context, entity, stored)) if group.unchanged else now
        inside = current.where(among(group.names)).where(f"as_of in ({dates(group.days)})")
        moved = lake.spark.createDataFrame(id_changes(context, group.last) if entity.resolved else [], MOVES)
        until = min(group.last or group.days[0], group.days[0] - timedelta(days=1))
        parts.append(changed_since(lake.staging, entity, stored, inside, until, group.days, holdouts, moved))
    return ChangedIntervals(union_all([each.members for each in parts]), union_all([each.rows for each in parts]))


def changed_since(
    staging: Staging, entity: type[Entity], stored: DataFrame, inside: DataFrame, until: date, days: Sequence[date],
    holdouts: DataFrame, moved: DataFrame,
) -> ChangedIntervals:  # fmt: skip
    """Those of the stored intervals that `intervals_since` changes, computed from nobody else's."""
    members = staging.materialize(differing_members(entity, stored, inside, until, days, holdouts, moved))
    stored, inside = (rows.join(members, members.columns, "left_semi") for rows in (stored, inside))
    return ChangedIntervals(members, intervals_since(entity, stored, inside, until, days, holdouts, moved))


def differing_members(
    entity: type[Entity], stored: DataFrame, inside: DataFrame, until: date, days: Sequence[date],
    holdouts: DataFrame, moved: DataFrame,
) -> DataFrame:  # fmt: skip
    """Members whose rows the days may change: audience and the entity's key, each once.

    All others have one open interval since `until` at the latest, and no row after it; they are inside on each of the
    days, under the same id and with the same holdout. Few differ on most days, and one join finds them, while the
    intervals of everybody cost a multiple of it.
    """
    member = ["audience", entity.key]
    # Rows that are newer than the last day are those of a day that is computed again.
    again = f"coalesce(left_on > date'{until}', false) or entered_on > date'{until}'"
    stays = stored.where(f"left_on is null or {again}").selectExpr(*member, f"{again} as again", "holdout")
    inside = inside.select(*member)
    counted = inside.groupBy(*member).count() if len(days) > 1 else inside.selectExpr("*", "1 as count")
    rows = stays.join(counted, member, "full_outer")
    rows = rows.join(holdouts.selectExpr(*member, "true as held"), member, "left")
    gone = moved.selectExpr(f"was as `{entity.key}`", "true as gone").distinct()
    # From here on, an interval of an id from which records moved may be that of another one too.
    differs = f"again is null or again or coalesce(count, 0) < {len(days)} or (held and not holdout) or gone"
    return rows.join(gone, entity.key, "left").where(differs).select(*member).distinct()
