"""One ID, measured: each set is loaded through a conf folder like any retailer's data, its clusters held to the truth.

`python -m benchmarks.identity SET... [--records N]`: fake_1000, febrl_1, febrl_2, febrl_3, persons, sample.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import psutil

from benchmarks.pairs import pair_scores
from quanyu.run import Context, perform
from quanyu.settings import load_settings

HERE = Path(__file__).parent
DATA = Path(os.environ.get("QUANYU_DATA", "../shared/data")).resolve() / "identity"
FIRST = date(2025, 1, 1)
STEPS = ("ingest.persons", "identities")


class Peak:
    """The most memory that this process and its children held together, in bytes, looked at twice a second."""

    def __init__(self) -> None:
        self.bytes, self._done = 0, threading.Event()

    def _look(self) -> None:
        own = psutil.Process()
        while not self._done.wait(0.5):
            total = 0
            for process in [own, *_everybody(own)]:
                try:
                    total += process.memory_info().rss
                except psutil.Error:
                    continue
            self.bytes = max(self.bytes, total)

    def __enter__(self) -> Peak:
        threading.Thread(target=self._look, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()


def _everybody(own: psutil.Process) -> list[psutil.Process]:
    """Our children, and the server with its workers, which is nobody's child."""
    servers = [p for p in psutil.process_iter(["cmdline"]) if "SparkConnectServer" in " ".join(p.info["cmdline"] or [])]
    found = {p.pid: p for root in (own, *servers) for p in root.children(recursive=True)}
    return [*{**found, **{p.pid: p for p in servers}}.values()]


@contextmanager
def home(conf: Path) -> Iterator[Path]:
    """A home that is gone afterwards, with its server."""
    folder = Path(tempfile.mkdtemp(prefix="quanyu-identity-"))
    try:
        yield folder
    finally:
        context = Context(load_settings(conf, folder), FIRST)
        context.engine.stop()
        shutil.rmtree(folder, ignore_errors=True)


def run(conf: Path, folder: Path, day: date, steps: tuple[str, ...] = STEPS) -> dict[str, Any]:
    """Run steps for a day; seconds of each, and what the last one told."""
    context = Context(load_settings(conf, folder), day)
    try:
        _ = context.lake.spark
        told: dict[str, Any] = {}
        for name in steps:
            result = perform(context, context.step(name))
            told[name] = round(result.seconds, 1)
            told["facts"] = dict(result.outcome.facts)
        return told
    finally:
        context.close()


def clusters(conf: Path, folder: Path) -> pd.Series:
    """Customer of each record, by the number that the source gives it."""
    lake = Context(load_settings(conf, folder), FIRST).lake
    ids = lake.arrow("gold/identities").to_table().to_pandas()
    ids = ids[ids["valid_to"].isna()].set_index("person_key")["customer_id"]
    numbers = lake.arrow("silver/identifiers").to_table(columns=["person_key", "kind", "value", "replaced_on"])
    known = numbers.to_pandas()
    known = known[(known["kind"] == "customer_no") & known["replaced_on"].isna()]
    return pd.Series(known["person_key"].map(ids).to_numpy(), index=known["value"].to_numpy())


def truth_of(name: str) -> pd.Series:
    """Person of each record of a public set."""
    table = pd.read_csv(DATA / f"{name}.csv", dtype=str, skipinitialspace=True)
    if name == "fake_1000":
        return pd.Series(table["cluster"].to_numpy(), index="r" + table["unique_id"])
    return pd.Series(table["rec_id"].str.extract(r"rec-(\d+)-")[0].to_numpy(), index=table["rec_id"])


def public(name: str) -> dict[str, Any]:
    """Measure a public set."""
    conf = HERE / "sets" / ("febrl" if name.startswith("febrl") else name)
    with home(conf) as folder:
        landing = folder / "landing" / "persons" / FIRST.isoformat()
        landing.mkdir(parents=True)
        shutil.copy(DATA / f"{name}.csv", landing / "persons.csv")
        told = run(conf, folder, FIRST)
        return told | scores(truth_of(name), clusters(conf, folder))


def scores(truth: pd.Series, found: pd.Series) -> dict[str, Any]:
    """Pairwise precision, recall and F1 of the clusters found."""
    both = pd.DataFrame({"truth": truth, "found": found.reindex(truth.index)})
    # A record without a customer is alone.
    alone = pd.Series(both.index, index=both.index)
    precision, recall, f1 = pair_scores(both["truth"].to_numpy(), both["found"].fillna(alone).to_numpy())
    return {
        "records": len(both),
        "without_id": int(both["found"].isna().sum()),
        "precision": round(precision, 5),
        "recall": round(recall, 5),
        "f1": round(f1, 5),
    }


def main() -> None:
    """Measure the sets that are named, and print a line of JSON for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="+")
    given = parser.parse_args()
    for name in given.sets:
        with Peak() as peak:
            began = time.monotonic()
            told = public(name)
            told |= {"seconds": round(time.monotonic() - began, 1), "peak_gb": round(peak.bytes / 2**30, 2)}
        print(json.dumps({"set": name, **told}), flush=True)


if __name__ == "__main__":
    main()
