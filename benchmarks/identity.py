"""Accuracy of One ID: loads each set through a conf folder like any retailer's, and compares clusters with truth.

`python -m benchmarks.identity SET...`: fake_1000, febrl_1, febrl_2, febrl_3; persons [--records N] [--days D] for N
generated records (benchmarks/persons.py) and following days; splink for Splink on the same first day; sample for the
retailer.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import psutil

from benchmarks import persons as population
from benchmarks import sample_truth
from benchmarks.pairs import pair_scores
from benchmarks.peak import Peak
from quanyu.config.settings import load_settings
from quanyu.run.facts import stored
from quanyu.run.runner import Context, perform
from sample.generate import main as generate

HERE = Path(__file__).parent
DATA = Path(os.environ.get("QUANYU_DATA", "../shared/data")).resolve() / "identity"
FIRST = date(2025, 1, 1)
SAMPLE_DAY = date(2025, 2, 3)
STEPS = ("ingest.persons", "identities")
PREFIX = "quanyu-identity-"


def _processes(own: psutil.Process) -> list[psutil.Process]:
    """Our child processes, Sail among them, and the Spark server of one of our homes, which is nobody's child."""
    commands = [(p, " ".join(p.info["cmdline"] or [])) for p in psutil.process_iter(["cmdline"])]
    servers = [p for p, command in commands if "SparkConnectServer" in command and PREFIX in command]
    children = {p.pid: p for root in (own, *servers) for p in root.children(recursive=True)}
    return [*{**children, **{p.pid: p for p in servers}}.values()]


@contextmanager
def home(conf: Path) -> Iterator[Path]:
    """A temporary home, removed at the end together with its engine."""
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    try:
        yield folder
    finally:
        Context(load_settings(conf, folder), FIRST).close()
        shutil.rmtree(folder, ignore_errors=True)


def run(conf: Path, folder: Path, day: date, steps: tuple[str, ...] = STEPS) -> dict[str, Any]:
    """Run steps for a day; returns the seconds of each, and the facts of the last."""
    context = Context(load_settings(conf, folder), day)
    try:
        _ = context.lake.spark
        figures: dict[str, Any] = {}
        for name in steps:
            result = perform(context, context.step(name))
            figures[name] = round(result.seconds, 1)
            figures["facts"] = stored(result.outcome.facts)
        return figures
    finally:
        context.close()


def clusters(conf: Path, folder: Path) -> pd.Series:
    """Customer of each record, by the record's number in the source."""
    lake = Context(load_settings(conf, folder), FIRST).lake
    ids = lake.arrow("gold/identities").to_table().to_pandas()
    ids = ids[ids["valid_to"].isna()].set_index("person_key")["customer_id"]
    numbers = lake.arrow("silver/identifiers").to_table(columns=["person_key", "kind", "value", "replaced_on"])
    current = numbers.to_pandas()
    current = current[(current["kind"] == "customer_no") & current["replaced_on"].isna()]
    return pd.Series(current["person_key"].map(ids).to_numpy(), index=current["value"].to_numpy())


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
        figures = run(conf, folder, FIRST)
        return figures | scores(truth_of(name), clusters(conf, folder))


def persons(records: int, days: int) -> dict[str, Any]:
    """Measure a first day of generated records and the following days, each with one percent new or changed."""
    conf = HERE / "sets" / "persons"
    with home(conf) as folder:
        landing = folder / "landing" / "persons"
        dates = population.write(landing, records, days)
        (landing / "truth.parquet").rename(folder / "truth.parquet")
        truth = pd.read_parquet(folder / "truth.parquet").set_index("record_no")
        figures: dict[str, Any] = {"first": _timed(conf, folder, dates[0])}
        figures |= scores(truth.loc[truth["first_day"] == 0, "person"], clusters(conf, folder))
        followed = [_timed(conf, folder, day) for day in dates[1:]]
        if followed:
            figures["days"] = _days(followed) | stability(conf, folder, len(dates))
            figures["days"] |= {"f1_at_the_end": scores(truth["person"], clusters(conf, folder))["f1"]}
        return figures


def _timed(conf: Path, folder: Path, day: date) -> dict[str, Any]:
    with Peak(_processes) as peak:
        figures = run(conf, folder, day)
    return figures | peak.gigabytes()


def _days(followed: list[dict[str, Any]]) -> dict[str, Any]:
    table = pd.DataFrame([{step: figures[step] for step in STEPS} for figures in followed])
    return {f"{step}_seconds_median": round(float(table[step].median()), 1) for step in STEPS} | {
        name: max(figures[name] for figures in followed) for name in ("peak_gb", "own_gb", "engine_gb")
    }


def stability(conf: Path, folder: Path, days: int) -> dict[str, Any]:
    """Stability of ids by the log: of customers on the first day, the share that still has the same id."""
    lake = Context(load_settings(conf, folder), FIRST).lake
    log = lake.arrow("gold/identity_events").to_table().sort_by("number").to_pandas()
    first = log["day"].min()
    start = log[log["day"] == first].groupby("person")["customer_id"].last()
    last = log.groupby("person")["customer_id"].last()
    before = pd.DataFrame({"start": start, "last": last.reindex(start.index)})
    # A customer's later id is that of most of its records.
    majority = before.groupby("start")["last"].agg(lambda ids: ids.value_counts().index[0])
    later = log[log["day"] > first]
    counted = later.groupby(["event", "day"])[["other_id", "customer_id"]].nunique().groupby("event").sum()
    merged, split = (int(counted["other_id"].get("merge", 0)), int(counted["customer_id"].get("split", 0)))
    return {
        "days": days - 1, "customers_at_first": len(majority),
        "kept_id": round(float((majority == majority.index).mean()), 5),
        "records_kept_id": round(float((before["start"] == before["last"]).mean()), 5),
        "merges_a_day": round(merged / (days - 1), 1), "splits_a_day": round(split / (days - 1), 1),
    }  # fmt: skip


def sample() -> dict[str, Any]:
    """Measure the sample retailer's last day against its truth."""
    with home(HERE.parent / "conf") as folder:
        conf = HERE.parent / "conf"
        generate(["--customers", "3000", "--days", "400", "--out", str(folder / "landing")])
        context = Context(load_settings(conf, folder), SAMPLE_DAY)
        feeds = [name for name in context.steps if name.startswith("ingest.")]
        context.close()
        figures = run(conf, folder, SAMPLE_DAY, (*feeds, "identities"))
        lake = Context(load_settings(conf, folder), SAMPLE_DAY).lake
        return {"identities": figures["identities"], "facts": figures["facts"]} | sample_truth.scores(
            lake, folder / "truth"
        )


def scores(truth: pd.Series, predicted: pd.Series) -> dict[str, Any]:
    """Pairwise precision, recall and F1 of predicted clusters."""
    both = pd.DataFrame({"truth": truth, "predicted": predicted.reindex(truth.index)})
    # A record without a customer is alone.
    alone = pd.Series(both.index, index=both.index)
    precision, recall, f1 = pair_scores(both["truth"].to_numpy(), both["predicted"].fillna(alone).to_numpy())
    return {
        "records": len(both),
        "without_id": int(both["predicted"].isna().sum()),
        "precision": round(precision, 5),
        "recall": round(recall, 5),
        "f1": round(f1, 5),
    }


def splink(records: int) -> dict[str, Any]:
    """Let Splink dedupe the same records, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        population.write(Path(folder), records)
        done = subprocess.run([sys.executable, "-m", "benchmarks.splink_side", folder], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def main() -> None:
    """Measure the sets on the command line, and print a line of JSON for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="+")
    parser.add_argument("--records", type=int, default=50_000)
    parser.add_argument("--days", type=int, default=0)
    arguments = parser.parse_args()
    measures = {
        "persons": lambda: persons(arguments.records, arguments.days),
        "splink": lambda: splink(arguments.records),
        "sample": sample,
    }
    for name in arguments.sets:
        with Peak(_processes) as peak:
            began = time.monotonic()
            figures = measures[name]() if name in measures else public(name)
            figures |= {"seconds": round(time.monotonic() - began, 1)} | peak.gigabytes()
        print(json.dumps({"set": name, **figures}), flush=True)


if __name__ == "__main__":
    main()
