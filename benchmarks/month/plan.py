"""What goes wrong on which day of the month: a seeded schedule of faults of the server and of incidents."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from benchmarks.month.landing import DAYS, REFUSED
from benchmarks.month.server import FAULTS, SOUND, Fault

# Days that are run by the clock, at the end.
CLOCK = 2


@dataclass(frozen=True)
class Planned:
    """One day: the server's fault, what else happens, and whether it is run again with a server that works.

    kill_after: the step at whose end the run is killed; kill_at: it is killed when so many messages were taken.
    """

    place: int
    fault: Fault = SOUND
    incident: str = ""
    kill_after: str | None = None
    kill_at: int | None = None
    mended: bool = False


# Every one of them happens once; the last four kill a run.
INCIDENTS = ("copied home", "lost store", "yesterday's store", "skipped", "run again",
             "killed early", "killed late", "killed while sending", "killed while sending")  # fmt: skip
FIRST_INCIDENT = 4
# Steps at whose end a run is killed.
EARLY, LATE = (
    ("ingest.crm", "ingest.pos", "identities", "customers"),
    ("memberships", "journeys", "export.loyal_seed.drop"),
)


def plan(days: int, dice: random.Random) -> list[Planned]:
    """Schedule the days by hand. With fewer days than a month the first faults and incidents of the draw happen."""
    faults = dice.sample(FAULTS, len(FAULTS))
    free = [place for place in range(1, days) if place != REFUSED]
    faulty = dict(zip(sorted(dice.sample(free, min(len(faults), len(free)))), faults, strict=False))
    late = [place for place in free if place >= min(FIRST_INCIDENT, days // 2)]
    places = dice.sample(late, min(len(INCIDENTS), len(late)))
    incidents = dict(zip(places, INCIDENTS, strict=False))
    made = []
    for place in range(days):
        day = Planned(place, faulty.get(place, SOUND), incidents.get(place, ""), mended=dice.random() < 0.3)
        made.append(_killed(day, dice))
    return made


def _killed(day: Planned, dice: random.Random) -> Planned:
    if day.incident == "killed early":
        return replace(day, kill_after=dice.choice(EARLY))
    if day.incident == "killed late":
        return replace(day, kill_after=dice.choice(LATE))
    if day.incident == "killed while sending":
        # A server that takes nothing would never be asked so often.
        return replace(day, fault=SOUND, kill_at=dice.randint(1, 4))
    return day


def by_hand() -> int:
    """Days of the month that are run by hand."""
    return DAYS - CLOCK
