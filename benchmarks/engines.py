"""Measures a day on both engines and compares every table: `python -m benchmarks.engines [SET...]`."""

from __future__ import annotations

import os
import sys
import tempfile
from datetime import date
from pathlib import Path

from rich.console import Console

from jobs.verify.copy import of_engine
from jobs.verify.days import run_copy
from jobs.verify.proof import compared
from jobs.verify.report import report
from quanyu.config.settings import Settings, load_settings
from quanyu.run.runner import Context
from sample.generate import generate

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("QUANYU_DATA", ROOT.parent / "shared" / "data"))
ENGINES = ("sail", "spark")


def measure(settings: Settings, day: date) -> None:
    """Print the seconds of each step on both engines, and differences between their tables."""
    homes = [of_engine(settings, engine, settings.home / engine) for engine in ENGINES]
    for home in homes:
        home.home.mkdir(parents=True)
        (home.home / "person.key").write_text("a" * 64)
    one, other = (run_copy(home, day, lambda engine, step: None) for home in homes)
    Console(width=150).print(report(compared(Context(settings, day), homes, "from empty tables", (one, other))))


def sample(folder: Path) -> None:
    """The sample's first day, with 400 days of history."""
    settings = load_settings(ROOT / "conf", folder)
    generate(settings.landing, 3000, date(2024, 1, 1), 400, 7)
    measure(settings, date(2025, 2, 3))


def online_retail(folder: Path) -> None:
    """Online Retail, all history."""
    settings = load_settings(ROOT / "examples" / "online_retail", folder)
    measure(settings.model_copy(update={"data": DATA.resolve()}), date(2011, 12, 9))


SETS = {"sample": sample, "online_retail": online_retail}


def main(names: list[str]) -> None:
    """Measure each set in a home of its own, which is removed at the end."""
    for name in names or SETS:
        with tempfile.TemporaryDirectory() as folder:
            SETS[name](Path(folder))


if __name__ == "__main__":
    main(sys.argv[1:])
