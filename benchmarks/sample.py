"""Measures the generator with a million customers and twenty million lines: `python -m benchmarks.sample DIR`."""

from __future__ import annotations

import resource
import shutil
import sys
import time
from datetime import date
from pathlib import Path

from sample.generate import generate

CUSTOMERS, DAYS = 1_000_000, 220
COUNTED = ("pos", "shop", "market", "events")


def main(folder: Path, customers: int = CUSTOMERS, days: int = DAYS) -> None:
    """Generate into a folder of its own, and print rows, seconds and peak memory."""
    began = time.monotonic()
    try:
        rows = generate(folder / "landing", customers, date(2024, 1, 1), days, 7)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for feed, count in rows.items():
        print(f"{feed}: {count}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    lines = sum(rows[feed] for feed in COUNTED)
    print(f"{customers} customers, {days} days, {lines} order lines and events, {sum(rows.values())} rows in all")
    print(f"{time.monotonic() - began:.0f} s, peak {peak:.1f} GiB")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *(int(text) for text in sys.argv[2:]))
