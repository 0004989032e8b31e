"""Who entered and who left an audience on a day, and how its size went."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from quanyu.errors import ConfigError, nearest
from quanyu.grammar.audience import Audience
from quanyu.grammar.entity import Entity
from quanyu.lake import place_of
from quanyu.model.outcomes import AudienceDays, memberships_of
from quanyu.point_in_time.last_run import check_run
from quanyu.run.runner import Context

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class MembershipChange:
    """Members of an audience on a day, and those who entered it and left it on that day.

    The rows have the entity's key and `change`, which is `entered` or `left`.
    """

    audience: Audience
    entity: type[Entity]
    day: date
    members: int
    entered: int
    left: int
    rows: pa.Table


def declared(context: Context, name: str) -> Audience:
    """The audience of a name. Raises ConfigError with the nearest name."""
    if name not in context.catalogue.audiences:
        raise ConfigError(f"there is no audience {name!r}; {nearest(name, context.catalogue.audiences)}")
    return context.catalogue.audiences[name]


def changes(context: Context, name: str, day: date | None) -> MembershipChange:
    """Changes against the day before, on a day or by default the last one. It needs no engine.

    Raises ConfigError before the first run, and for a day after the last one.
    """
    import pyarrow as pa
    from pyarrow import compute as pc

    audience = declared(context, name)
    check_run(context, day)
    entity = context.catalogue.entities[audience.entity]
    day = day or context.forward_day(f"memberships.{entity.name}")
    place = place_of(memberships_of(entity))
    if day is None or not context.lake.exists(place):
        raise ConfigError("no audience was evaluated yet: run a day first, quanyu run --day DAY")
    stays = context.lake.rows(place, [entity.key, "entered_on", "left_on"], pc.field("audience") == name)
    on = pa.scalar(day, pa.date32())
    entered = stays.filter(pc.equal(stays["entered_on"], on)).select([entity.key])
    left = stays.filter(pc.fill_null(pc.equal(stays["left_on"], on), False)).select([entity.key])
    gone = pc.fill_null(pc.less_equal(stays["left_on"], on), False)
    inside = pc.and_(pc.less_equal(stays["entered_on"], on), pc.invert(gone))
    rows = pa.concat_tables(
        [one.append_column("change", pa.array([word] * one.num_rows, pa.string()))
         for word, one in (("entered", entered), ("left", left))]
    ).sort_by([("change", "ascending"), (entity.key, "ascending")])  # fmt: skip
    members = pc.sum(inside).as_py() or 0
    return MembershipChange(audience, entity, day, members, entered.num_rows, left.num_rows, rows)


def days_of(context: Context, name: str) -> list[dict[str, Any]]:
    """Rows of the audience's days, the newest first. It needs no engine."""
    from pyarrow import compute as pc

    if not context.lake.exists(place_of(AudienceDays)):
        return []
    rows = context.lake.rows(place_of(AudienceDays), where=pc.field("audience") == name)
    listed: list[dict[str, Any]] = rows.sort_by([("day", "descending")]).to_pylist()
    return listed
