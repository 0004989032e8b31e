"""Is what is told as p true in p of all cases? `python -m benchmarks.calibration fake_1000 persons [--records N]`.

Loads a set of benchmarks.identity, scores its candidate pairs as the step does, and prints by bins of the probability
how many pairs there are, what is told of them on average, and what is true. Pairs whose names are two persons' are told
without a probability: they are counted apart. Ends with an error where a bin of 200 pairs or more is off by more than
.05.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import persons as population
from benchmarks.identity import DATA, FIRST, HERE, home, run, truth_of
from jobs.unify import links, memory, models
from jobs.unify.identify import nobodys
from jobs.unify.likeness import likeness, records_of
from jobs.unify.matching import name_match, training
from jobs.unify.records import staged
from quanyu.lake.receipt import Receipt
from quanyu.run import Context
from quanyu.settings import load_settings

BINS, LEAST, MOST = 10, 200, 0.05


def pairs(conf: Path, folder: Path) -> pd.DataFrame:
    """Candidate pairs of the first day: numbers of both records (a, b), and the probability that they are one."""
    context = Context(load_settings(conf, folder), FIRST)
    try:
        files = staged(context, FIRST)
        blank = memory.forgotten(len(context.catalogue.identity.match.blocks))
        records = records_of(context, files, blank)
        shown = links.Shown(files.shown, records.name, lambda at: name_match.of(files.told(at).to_pandas()))
        linked = links.linked(shown, context.catalogue.identity)
        receipt = Receipt("identity.calibration", FIRST.isoformat(), context.run_id, "")
        scored = likeness(context, receipt, records, nobodys(shown, linked), blank)
        numbers = context.lake.arrow("silver/identifiers").to_table(columns=["person_key", "kind", "value"]).to_pandas()
        numbers = numbers[numbers["kind"] == "customer_no"].set_index("person_key")["value"]
        keys = files.table["person_key"].to_pandas().map(numbers).to_numpy()
        predicted = training.probability(scored.weight, models.rate(context))
        return pd.DataFrame(
            {"a": keys[scored.a], "b": keys[scored.b], "predicted": predicted, "relatives": scored.relatives}
        )
    finally:
        context.close()


def binned(candidates: pd.DataFrame, truth: pd.Series) -> pd.DataFrame:
    """Pairs, mean of what is told, and share that is true, by bins of what is told."""
    true = truth.reindex(candidates["a"]).to_numpy() == truth.reindex(candidates["b"]).to_numpy()
    place = np.minimum((candidates["predicted"] * BINS).astype(int), BINS - 1)
    table = pd.DataFrame({"predicted": candidates["predicted"], "true": true}).groupby(place).agg(
        pairs=("true", "size"), predicted=("predicted", "mean"), true=("true", "mean")
    )  # fmt: skip
    table.index = pd.Index([f"{at / BINS:.2f} to {(at + 1) / BINS:.2f}" for at in table.index], name="bin")
    return table.assign(off=table["true"] - table["predicted"])


def measured(name: str, records: int) -> tuple[pd.DataFrame, int]:
    """Load a set into a home and measure it; also the number of its pairs that are told without a probability."""
    conf = HERE / "sets" / ("febrl" if name.startswith("febrl") else name)
    with home(conf) as folder:
        landing = folder / "landing" / "persons"
        if name == "persons":
            population.write(landing, records)
            (landing / "truth.parquet").rename(folder / "truth.parquet")
            truth = pd.read_parquet(folder / "truth.parquet").set_index("record_no")["person"]
        else:
            (landing / FIRST.isoformat()).mkdir(parents=True)
            shutil.copy(DATA / f"{name}.csv", landing / FIRST.isoformat() / "persons.csv")
            truth = truth_of(name)
        run(conf, folder, FIRST)
        candidates = pairs(conf, folder)
        apart = candidates["relatives"].to_numpy(bool)
        return binned(candidates[~apart], truth), int(apart.sum())


def main() -> None:
    """Measure the sets that are named, and print a table for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="+")
    parser.add_argument("--records", type=int, default=50_000)
    chosen = parser.parse_args()
    off = False
    for name in chosen.sets:
        table, apart = measured(name, chosen.records)
        print(f"{name}\n{table.round(3).to_string()}\n{apart:,} pairs without a probability\n", flush=True)
        off |= bool(((table["pairs"] >= LEAST) & (table["off"].abs() > MOST)).any())
    sys.exit(int(off))


if __name__ == "__main__":
    main()
