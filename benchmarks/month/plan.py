"""Schedule of the month: seeded faults of the server and incidents, by day."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from benchmarks.month.landing import DAYS, REFUSED
from benchmarks.month.server import FAULTS, SOUND, Fault

# Days that are run by the clock, at the end.
CLOCK = 2


@dataclass(frozen=True)
class Planned:
    """One day: the server's fault, an incident, and whether it is run again with a working server.

    kill_after: the step at whose end the run is killed; kill_at: the number of accepted messages at which it is killed.
    """

    place: int
    fault: Fault = SOUND
    incident: str = ""
    kill_after: str | None = None
    kill_at: int | None = None
    mended: bool = False


# Every one of them happens once: the first on days on which the server works, the others beside its faults or not.
CALM = ("skipped", "killed while sending", "killed while sending", "copied home")
STORMY = ("lost store", "yesterday's store", "run again", "killed early", "killed late")
FIRST_INCIDENT = 4
# Steps at whose end a run is killed.
STEPS = {
    "killed early": ("ingest.crm", "ingest.pos", "identities", "customers"),
    "killed late": ("memberships.customer", "journeys", "export.loyal_seed.drop"),
}


def plan(days: int, dice: random.Random) -> list[Planned]:
    """Schedule the days by hand. With fewer days than a month only some faults and incidents happen."""
    free = [place for place in range(1, days) if place != REFUSED]
    late = [place for place in free if place >= min(FIRST_INCIDENT, days // 2)]
    incidents = dict(zip(_draw(late, len(CALM), dice), CALM, strict=False))
    faulty = _draw([place for place in free if place not in incidents], len(FAULTS), dice)
    faults = dict(zip(faulty, dice.sample(FAULTS, len(FAULTS)), strict=False))
    incidents |= zip(
        _draw([place for place in late if place not in incidents], len(STORMY), dice), STORMY, strict=False
    )
    days_planned = [
        Planned(n, faults.get(n, SOUND), incidents.get(n, ""), mended=dice.random() < 0.3) for n in range(days)
    ]
    return [_killed(day, dice) for day in days_planned]


def _draw(places: list[int], many: int, dice: random.Random) -> list[int]:
    return dice.sample(places, min(many, len(places)))


def _killed(day: Planned, dice: random.Random) -> Planned:
    if day.incident in STEPS:
        return replace(day, kill_after=dice.choice(STEPS[day.incident]))
    if day.incident == "killed while sending":
        return replace(day, kill_at=dice.randint(1, 4))
    return day


def by_hand() -> int:
    """Days of the month that are run by hand."""
    return DAYS - CLOCK
