"""What a report says of an audience, from the tables of insight; nothing is computed again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobs.insight.audience_warnings import AudienceWarning, warnings
from jobs.insight.bands import is_cut
from jobs.insight.lift.programmes import programmes
from quanyu import discover
from quanyu.catalogue.entries import Entry, entries
from quanyu.errors import ConfigError, nearest
from quanyu.grammar.audience import Audience
from quanyu.grammar.entity import Entity
from quanyu.lake import place_of
from quanyu.model.entities import Customer
from quanyu.model.insight import (
    AudienceNumbers,
    AudienceOverlaps,
    AudienceProfile,
    AudienceReach,
    AudienceTrends,
    ProgrammeLift,
)
from quanyu.run import audience_days
from quanyu.run.runner import Context

if TYPE_CHECKING:
    import pyarrow as pa

    from quanyu.grammar.table import Table

Row = Mapping[str, Any]
# Rows of the profile that are shown at each end, and others that an audience is compared with.
MOST_ROWS, MOST_OTHERS, MOST_OF_RULE = 12, 9, 6
# Smaller shares say little, however large their index is.
LEAST_SHARE = 0.05
UNSAID = ("unknown", "others", "false")


@dataclass(frozen=True)
class AudienceReport:
    """Rows of the tables of insight about an audience, in the order in which they are shown; days in their order."""

    audience: Audience
    entity: type[Entity]
    names: Mapping[str, Entry]
    days: Sequence[Row]
    profile: Sequence[Row]
    numbers: Mapping[str, Row]
    overlaps: Sequence[Row]
    reach: Sequence[Row]
    lifts: Sequence[Row]
    warnings: Sequence[AudienceWarning]
    settings: Any

    @property
    def today(self) -> Row:
        """The newest day."""
        return self.days[-1]

    def over(self) -> list[Row]:
        """Values that are surely more frequent than among all, the most so first; one for each name."""
        rows = [row for row in self._telling(False) if row["index"] > 100 and row["share"] >= LEAST_SHARE]
        return _first_of_each(sorted(rows, key=lambda row: (-row["index"], row["tag"])))

    def under(self) -> list[Row]:
        """Values that are surely less frequent than among all, the most so first; one for each name."""
        rows = [row for row in self._telling(False) if row["index"] < 100 and row["base_share"] >= LEAST_SHARE]
        return _first_of_each(sorted(rows, key=lambda row: (row["index"], row["tag"])))

    def of_numbers(self) -> list[Row]:
        """Fifths of numbers that are surely more frequent than among all, the most so first; one for each name."""
        rows = [row for row in self._telling(True) if row["index"] > 100 and row["share"] >= LEAST_SHARE]
        return _first_of_each(sorted(rows, key=lambda row: (-row["index"], row["tag"])))

    def of_rule(self) -> list[Row]:
        """Rows that follow from the rule, the largest index first; one for each name."""
        rows = [row for row in self.profile if row["follows_from_rule"] and row["significant"]]
        rows = [row for row in rows if row["label"] not in UNSAID and row["index"] and row["index"] > 100]
        return _first_of_each(sorted(rows, key=lambda row: (-row["index"], row["tag"])))[:MOST_OF_RULE]

    def _telling(self, numbers: bool) -> Iterator[Row]:
        """Significant rows that the rule does not decide: of numbers and days, or of values."""
        for row in self.profile:
            entry = self.names.get(row["tag"])
            is_said = row["significant"] and row["index"] is not None and row["label"] not in UNSAID
            if is_said and not row["follows_from_rule"] and entry and numbers == is_cut(entry.column.type):
                yield row

    def others(self) -> list[str]:
        """The audience, and those with which it shares most."""
        own = [row for row in self.overlaps if row["audience"] == self.audience.name]
        ordered = sorted(own, key=lambda row: (-row["jaccard"], row["other"]))
        return [self.audience.name, *(row["other"] for row in ordered[:MOST_OTHERS])]

    def places(self) -> dict[str, list[Row]]:
        """Rows of each name that says where they shop, the most frequent first."""
        by_name = {name: self._of(name) for name in self.settings.places if name in self.names}
        return {
            name: sorted(rows, key=lambda row: -row["members"])[:MOST_ROWS] for name, rows in by_name.items() if rows
        }

    def risks(self) -> list[Row]:
        """Rows of the states of those at risk: the share who are in them."""
        return [row for name in self.settings.risk for row in self._of(name) if row["label"] == "true"]

    def worths(self) -> list[Row]:
        """Rows of numbers that say what they are worth, or how much at risk they are."""
        return [self.numbers[name] for name in (*self.settings.worth, *self.settings.risk) if name in self.numbers]

    def _of(self, name: str) -> list[Row]:
        return [row for row in self.profile if row["tag"] == name and row["label"] != "unknown" and row["members"]]


def _first_of_each(rows: Sequence[Row]) -> list[Row]:
    by_name: dict[str, Row] = {}
    for row in rows:
        by_name.setdefault(row["tag"], row)
    return list(by_name.values())[:MOST_ROWS]


def report_of(context: Context, name: str) -> AudienceReport:
    """Read what a report says. Raises ConfigError for an unknown audience, and before its first day."""
    audience = audience_of(context, name)
    entity = context.catalogue.entities[audience.entity]
    days = sorted(_rows(context, AudienceTrends, name), key=lambda row: row["day"])
    if not days:
        raise ConfigError(f"{name} was not described yet: run a day first, quanyu run --day DAY")
    settings, last = context.settings.insight, audience_days.last_evaluated_day(context, name)
    return AudienceReport(
        audience, entity, {entry.name: entry for entry in entries(context.catalogue, discover.stages(), entity.name)},
        days, _rows(context, AudienceProfile, name), {r["tag"]: r for r in _rows(context, AudienceNumbers, name)},
        _all_rows(context, AudienceOverlaps), _rows(context, AudienceReach, name) if entity is Customer else [],
        lift_rows_of(context, name),
        list(warnings(audience, days[-1], days[-2]["size"] if len(days) > 1 else None, last, settings)), settings,
    )  # fmt: skip


def lift_rows_of(context: Context, name: str) -> list[Row]:
    """Rows of the lift of an audience, of the journeys that its members enter, and of its exports."""
    wanted = {(one.kind, one.name) for one in programmes(context.catalogue) if one.audience == name}
    return [row for row in lift_rows(context) if (row["kind"], row["programme"]) in wanted]


def lift_rows(context: Context) -> list[Row]:
    """Rows of the lift of all programmes, in order."""
    rows = _all_rows(context, ProgrammeLift)
    return sorted(rows, key=lambda row: (row["kind"], row["programme"], row["outcome"]))


def profile_table(context: Context, name: str) -> pa.Table:
    """The profile of an audience as a table, the significant rows with the largest index first."""
    from pyarrow import compute

    audience_of(context, name)
    place = place_of(AudienceProfile)
    if not context.lake.exists(place):
        raise ConfigError(f"{name} was not described yet: run a day first, quanyu run --day DAY")
    rows = context.lake.rows(place, where=compute.field("audience") == name)
    ordered = rows.sort_by([("significant", "descending"), ("index", "descending"), ("tag", "ascending")])
    return ordered.select(
        ["tag", "label", "members", "share", "base_share", "index", "q_value", "significant", "follows_from_rule"]
    )


def audience_of(context: Context, name: str) -> Audience:
    """The audience of a name. Raises ConfigError with the nearest."""
    if name not in context.catalogue.audiences:
        raise ConfigError(f"there is no audience {name!r}; {nearest(name, context.catalogue.audiences)}")
    return context.catalogue.audiences[name]


def _rows(context: Context, table: type[Table], name: str) -> list[Row]:
    from pyarrow import compute

    return _all_rows(context, table, compute.field("audience") == name)


def _all_rows(context: Context, table: type[Table], where: Any = None) -> list[Row]:
    place = place_of(table)
    return list(context.lake.rows(place, where=where).to_pylist()) if context.lake.exists(place) else []
