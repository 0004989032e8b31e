"""The command: `python -m benchmarks.month`."""

from __future__ import annotations

import argparse
import pickle
import random
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from benchmarks.month.claims import Claims
from benchmarks.month.clock import by_clock
from benchmarks.month.landing import DAYS
from benchmarks.month.month import STATE, Month
from benchmarks.month.plan import CLOCK, plan

ZONE = ZoneInfo("Asia/Shanghai")
SHOWN = 20


def main() -> int:
    """Simulate the days and print all violations. Returns the exit code."""
    arguments = _arguments()
    yesterday = datetime.now(UTC).astimezone(ZONE).date() - timedelta(days=1)
    hand = arguments.days - (0 if arguments.no_clock else CLOCK)
    began, dice = time.monotonic(), random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as temporary:
        work = arguments.home or Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        if (work / STATE).exists():
            month = pickle.loads((work / STATE).read_bytes())
            month.recall()
        else:
            month = Month(work, yesterday - timedelta(days=arguments.days - 1), dice, arguments.lock)
            month.begin(arguments.customers, arguments.seed)
            month.planned = plan(hand, dice)
        month.go_on()
        if not arguments.no_clock:
            by_clock(month, hand)
        claims = month.end(yesterday)
    _report(month, claims, time.monotonic() - began)
    return 0 if claims.hold else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.month", description=__doc__)
    parser.add_argument(
        "--home",
        type=Path,
        help="a folder to keep, empty or with a month that was cut off and goes on (default: a temporary one)",
    )
    parser.add_argument("--customers", type=int, default=1500, help="people of the sample")
    parser.add_argument("--days", type=int, default=DAYS, help="days that are run, the last two by the clock")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--no-clock", action="store_true", help="run all days by hand")
    parser.add_argument("--lock", type=Path, help="a file to lock while a run is under way")
    return parser.parse_args()


def _report(month: Month, claims: Claims, seconds: float) -> None:
    print(f"\n{month.runs} runs in {seconds / 60:.0f} min; the server accepted {len(month.accepted)} messages")
    for what, many in sorted(claims.counts.items()):
        print(f"  {many:5}  {what}")
    for what, violations in (
        ("nobody outside consent", claims.outside),
        ("nobody twice", claims.twice),
        ("nobody forgotten without a row that says why", claims.forgotten),
    ):
        print(f"{what}: {'holds' if not violations else f'DOES NOT HOLD, {len(violations)} times'}")
        for words in violations[:SHOWN]:
            print(f"  {words}")


if __name__ == "__main__":
    sys.exit(main())
