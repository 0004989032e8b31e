"""Generates the landing folder and, beside it and never in it, the truth."""

from __future__ import annotations

import argparse
import csv
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path

from sample.feeds import Out, Truth, day_of, write_day
from sample.population import Person
from sample.trade import Trade

PEOPLE = (
    "person",
    "member_nos",
    "phones",
    "email",
    "shares_phone_with",
    "joined_on",
    "left_on",
    "online_share",
    "records",
)


def generate(
    landing: Path,
    customers: int,
    start: date,
    days: int,
    seed: int,
    truth: Path | None = None,
    since: date | None = None,
) -> None:
    """Write the feeds of `days` days from `start`, the same bytes for the same seed and however the days are cut.

    With `since` only files from that day on are written, as a system that goes on delivering would. The truth
    (default: `truth` beside `landing`) always covers all days.
    """
    trade, known = Trade(customers, start, seed), Truth()
    first = day_of(trade, since) if since else 0
    for day in range(days):
        write_day(trade, day, Out(landing if day >= first else None, known))
    folder = truth or landing.parent / "truth"
    records = Counter(person for _, _, person in known.records)
    _table(folder / "people.csv", PEOPLE, (_person(trade, person, records) for person in trade.people))
    _table(folder / "records.csv", ("feed", "key", "person"), sorted(set(known.records)))
    _table(folder / "flaws.csv", ("feed", "file", "row", "kind"), known.flaws)


def _person(trade: Trade, person: Person, records: Counter[str]) -> list[str]:
    name = f"P{person.number:06d}"
    family = "" if person.family is None else f"P{person.family:06d}"
    life = [str(trade.date(day)) for day in (person.joined, person.left)]
    numbers = ";".join(number for number, _ in person.member_nos)
    return [
        name,
        numbers,
        ";".join(person.phones),
        person.email,
        family,
        *life,
        f"{person.online:.2f}",
        str(records[name]),
    ]


def _table(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line: `python -m sample --out DIR`."""
    parser = argparse.ArgumentParser(prog="python -m sample", description="Generates the sample retailer's feeds.")
    parser.add_argument("--out", type=Path, required=True, help="the landing folder to write")
    parser.add_argument("--truth", type=Path, help="where the truth goes (default: `truth` beside the landing folder)")
    parser.add_argument("--customers", type=int, default=600, help="people, half of whom come after the first day")
    parser.add_argument("--start", type=date.fromisoformat, default=date(2023, 6, 1), help="the first day")
    parser.add_argument("--days", type=int, default=400, help="how many days")
    parser.add_argument("--since", type=date.fromisoformat, help="write only the days from this one on")
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args(arguments)
    generate(given.out, given.customers, given.start, given.days, given.seed, given.truth, given.since)


if __name__ == "__main__":
    main()
