"""Are predicted match probabilities true? `python -m benchmarks.calibration fake_1000 persons [--records N]`.

Loads a set of benchmarks.identity, scores its candidate pairs as the step does, and prints by bins of the probability:
the number of pairs, their mean prediction, and the share that is true. Pairs with names of two persons have no
probability and are counted separately. Ends with an error where a bin of 200 pairs or more is off by more than .05.
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
from jobs.unify.identify import non_identifying_values
from jobs.unify.ids import edges
from jobs.unify.ids.pairs import records_of, score_pairs
from jobs.unify.matching import model_versions, name_match, training
from jobs.unify.records import match_state
from jobs.unify.records.reader import stage_records
from quanyu.config.settings import load_settings
from quanyu.lake.receipt import Receipt
from quanyu.run.runner import Context

BINS, LEAST, MOST = 10, 200, 0.05


def pairs(conf: Path, folder: Path) -> pd.DataFrame:
    """Candidate pairs of the first day: numbers of both records (a, b), and the predicted match probability."""
    context = Context(load_settings(conf, folder), FIRST)
    try:
        files = stage_records(context, FIRST)
        blank = match_state.empty_state(len(context.catalogue.identity.match.blocks))
        records = records_of(context, files, blank)
        identifiers = edges.IdentifierRows(
            files.identifiers, records.name_hash, lambda at: name_match.names_of(files.compared_columns(at).to_pandas())
        )
        linked = edges.link_by_identifiers(identifiers, context.catalogue.identity)
        receipt = Receipt("identity.calibration", FIRST.isoformat(), context.run_id, "")
        scored = score_pairs(context, receipt, records, non_identifying_values(identifiers, linked), blank)
        numbers = context.lake.arrow("silver/identifiers").to_table(columns=["person_key", "kind", "value"]).to_pandas()
        numbers = numbers[numbers["kind"] == "customer_no"].set_index("person_key")["value"]
        keys = files.table["person_key"].to_pandas().map(numbers).to_numpy()
        predicted = training.probability(scored.weight, model_versions.rate(context))
        return pd.DataFrame(
            {"a": keys[scored.a], "b": keys[scored.b], "predicted": predicted, "relatives": scored.relatives}
        )
    finally:
        context.close()


def binned(candidates: pd.DataFrame, truth: pd.Series) -> pd.DataFrame:
    """Number of pairs, mean prediction, and share that is true, by bins of the prediction."""
    true = truth.reindex(candidates["a"]).to_numpy() == truth.reindex(candidates["b"]).to_numpy()
    place = np.minimum((candidates["predicted"] * BINS).astype(int), BINS - 1)
    table = pd.DataFrame({"predicted": candidates["predicted"], "true": true}).groupby(place).agg(
        pairs=("true", "size"), predicted=("predicted", "mean"), true=("true", "mean")
    )  # fmt: skip
    table.index = pd.Index([f"{at / BINS:.2f} to {(at + 1) / BINS:.2f}" for at in table.index], name="bin")
    return table.assign(off=table["true"] - table["predicted"])


def measured(name: str, records: int) -> tuple[pd.DataFrame, int]:
    """Load a set into a home and measure it; also returns the number of its pairs without a probability."""
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
    """Measure the sets on the command line, and print a table for each."""
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
