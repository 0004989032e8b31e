"""What earlier days tell of an audience: its sizes, since when it is described, and by which rule."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from jobs.insight.bands import CUT_DAYS
from quanyu.discover import Catalogue
from quanyu.grammar.audience import Audience, family
from quanyu.grammar.declaration import digest
from quanyu.run import audience_days
from quanyu.run.runner import Context

# What of an audience decides who is in it.
DECIDES = {"entity", "who", "measures", "lists", "alike"}
MOST_NAMES = 5


@dataclass(frozen=True)
class EarlierDays:
    """Sizes of an audience by earlier day in order, the first day on which it was described, and its last rule.

    The day is None before the first, and the rule empty where no day has recorded it.
    """

    sizes: Mapping[date, int] = field(default_factory=dict)
    first: date | None = None
    rule: str = ""


def earlier_days(trends: Iterable[Mapping[str, Any]], day: date) -> Mapping[str, EarlierDays]:
    """Days before a day by audience, from rows of AudienceTrends about an entity."""
    by_audience: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in sorted(trends, key=lambda row: row["day"]):
        if row["day"] < day:
            by_audience[row["audience"]].append(row)
    return defaultdict(EarlierDays, {name: _of(rows) for name, rows in by_audience.items()})


def _of(rows: list[Mapping[str, Any]]) -> EarlierDays:
    described = [row for row in rows if row["entities"] is not None]
    # A table of an older release has no such column.
    rules = [rule for row in described if (rule := row.get("rule_digest"))]
    sizes = {row["day"]: row["size"] for row in rows}
    return EarlierDays(sizes, described[0]["day"] if described else None, rules[-1] if rules else "")


def rule_of(catalogue: Catalogue, audience: Audience) -> str:
    """Hash of the rule of an audience, and of the rules and seeds that it depends on."""
    seeds = audience.alike.seeds if audience.alike else ()
    parts = [one for name in (audience.name, *seeds) for one in family(catalogue.audiences[name], catalogue.audiences)]
    return digest([one.model_dump(mode="json", include=_decides(one), exclude_defaults=True) for one in parts])


def _decides(audience: Audience) -> set[str]:
    """Fields that decide who is in. Of a lookalike so does the purpose: who has not consented to it is not found."""
    return DECIDES | ({"purpose"} if audience.alike else set())


def rules_of_members(
    context: Context, audiences: Iterable[Audience], earlier: Mapping[str, EarlierDays]
) -> dict[str, str]:  # fmt: skip
    """Hash of the rule that the members of each audience are of: of one not evaluated today, the last one."""
    rules = {}
    for audience in audiences:
        last = earlier[audience.name].rule
        is_current = not last or audience_days.was_evaluated(context, audience.name)
        rules[audience.name] = rule_of(context.catalogue, audience) if is_current else last
    return rules


def warned_from(earlier: EarlierDays, day: date) -> date:
    """First day on which its drift is warned of: in its first weeks an audience, or all of a shop, is still filling."""
    return (earlier.first or day) + timedelta(days=CUT_DAYS)


def young_notes(trends: Iterable[Mapping[str, Any]], day: date) -> Iterator[str]:
    """Say of which audiences drift is not warned of yet, from rows of the day."""
    by_day: dict[date, list[str]] = defaultdict(list)
    for row in trends:
        if day < row["warned_from"]:
            by_day[row["warned_from"]].append(row["audience"])
    for first, names in sorted(by_day.items()):
        listed = ", ".join(sorted(names)) if len(names) <= MOST_NAMES else f"{len(names)} audiences"
        yield f"no drift is warned of before {first}, {CUT_DAYS} days after the first description: {listed}"
