"""Generates the landing folder and the truth. The truth is stored beside the landing folder, never in it."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Collection, Sequence
from datetime import date
from pathlib import Path

from sample.facts import DayFacts
from sample.feeds import FEEDS
from sample.truth import write_end, write_states
from sample.world import World
from sample.write import Out, Truth

START = date(2024, 1, 1)
CUSTOMERS, DAYS, SEED = 3000, 400, 7


def generate(
    landing: Path,
    customers: int = CUSTOMERS,
    start: date = START,
    days: int = DAYS,
    seed: int = SEED,
    truth: Path | None = None,
    since: date | None = None,
    feeds: Collection[str] | None = None,
    watch: Callable[[World, DayFacts], None] | None = None,
) -> dict[str, int]:
    """Write `days` days from `start` and return the number of rows per feed; the same seed gives the same bytes.

    With `since`, only files from that day on are written, identical to those of a full run; `feeds` names the folders
    to write. The truth (default: `truth` beside the landing folder) is written for the same days. `watch` is called
    after each day.
    """
    unknown = set(feeds or ()) - set(FEEDS)
    if unknown:
        raise ValueError(f"no such feed: {', '.join(sorted(unknown))}; there are {', '.join(FEEDS)}")
    world, ground_truth = World(customers, start, seed), Truth(truth or landing.parent / "truth")
    for day in range(days):
        facts = world.advance(day)
        if since is None or facts.date >= since:
            _write_day(world, facts, landing, ground_truth, feeds)
        if watch is not None:
            watch(world, facts)
    write_states(world, ground_truth)
    write_end(world, ground_truth)
    return dict(ground_truth.rows)


def _write_day(world: World, facts: DayFacts, landing: Path, truth: Truth, feeds: Collection[str] | None) -> None:
    for feed, write in FEEDS.items():
        if feeds is None or feed in feeds:
            write(world, facts, Out(landing, truth, world.people, feed, facts.date))
    truth.flush()
    if facts.date.day == 1:
        write_states(world, truth)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line: `python -m sample --out DIR`."""
    parser = argparse.ArgumentParser(prog="python -m sample", description="Generates the sample retailer's feeds.")
    parser.add_argument("--out", type=Path, required=True, help="the landing folder to write")
    parser.add_argument(
        "--truth", type=Path, help="the folder of the truth (default: `truth` beside the landing folder)"
    )
    parser.add_argument("--customers", type=int, default=CUSTOMERS, help="people, half of whom come later")
    parser.add_argument("--start", type=date.fromisoformat, default=START, help="the first day")
    parser.add_argument("--days", type=int, default=DAYS, help="how many days")
    parser.add_argument("--since", type=date.fromisoformat, help="write only the days from this one on")
    parser.add_argument("--feeds", help="write only these feeds, as crm,pos")
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args(arguments)
    feeds = options.feeds.split(",") if options.feeds else None
    scope = (options.out, options.customers, options.start, options.days, options.seed, options.truth, options.since)
    began = time.monotonic()
    rows = generate(*scope, feeds, _progress(options.days))
    sys.stderr.write(f"\r{sum(rows.values())} rows in {time.monotonic() - began:.0f} s\n")


def _progress(days: int) -> Callable[[World, DayFacts], None] | None:
    if not sys.stderr.isatty():
        return None
    return lambda world, facts: _say(f"\r{facts.date} ({facts.day + 1} of {days})")


def _say(text: str) -> None:
    sys.stderr.write(text)
