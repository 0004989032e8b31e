"""Measures days of the main job twice: the sample's, and Online Retail's where its file exists."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]


def timed(home: Path, *words: str) -> float:
    """Seconds of one call of `quanyu`."""
    began = time.monotonic()
    line = [sys.executable, "-m", "quanyu.cli", *words, "--home", str(home)]
    subprocess.run(line, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


def measure(name: str, home: Path, conf: str, day: str) -> None:
    """Print the seconds of a first day and of the same day again."""
    for what in ("first", "again"):
        print(f"{name}, {what}: {timed(home, 'run', '--day', day, '--conf', conf):.0f} s")
    timed(home, "down", "--conf", conf)


def main() -> None:
    """Measure every set that exists here."""
    with tempfile.TemporaryDirectory() as folder:
        sample, retail = Path(folder) / "sample", Path(folder) / "retail"
        subprocess.run([sys.executable, "-m", "sample", "--out", str(sample / "landing")], cwd=ROOT, check=True)
        measure("the sample's day", sample, "conf", "2025-02-03")
        data = Path(os.environ.get("QUANYU_DATA", ROOT.parent / "shared" / "data"))
        if (data / "online_retail").is_dir():
            measure("Online Retail, all history", retail, "examples/online_retail", "2011-12-09")
            days = Path(folder) / "days"
            for day in ("2011-09-10", "2011-10-10", "2011-12-09"):
                measure(f"Online Retail, day by day, {day}", days, "examples/online_retail", day)


if __name__ == "__main__":
    main()
