"""Splink on the records of benchmarks/persons.py, in a process of its own: `python -m benchmarks.splink_side DIR`.

Set up as its documentation advises for persons: name, date, e-mail and exact comparisons with term frequencies, u by
random sampling, m by EM, blocks by phone, e-mail, name, date and address. Prints a line of JSON.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

from benchmarks.pairs import pair_scores

SURE = 0.9
BLOCKS = (
    ("email",), ("phone",), ("name", "birthday"), ("name", "city"), ("name", "postcode"), ("birthday", "postcode"),
    ("birthday", "city"), ("family", "address"), ("family", "given", "postcode"),
)  # fmt: skip


def prepared(folder: Path) -> pd.DataFrame:
    """Convert the first day's records to columns of one meaning each: names in two parts, dates in one form."""
    day = sorted(path for path in folder.iterdir() if path.is_dir())[0]
    rows = pd.read_csv(day / "persons.csv", dtype=str, keep_default_na=False)
    full_names = rows["full_name"]
    spaced = full_names.str.contains(" ")
    given_names = (
        rows["given_name"].mask(full_names != "", full_names.str[1:]).mask(spaced, full_names.str.partition(" ")[0])
    )
    family_names = (
        rows["family_name"].mask(full_names != "", full_names.str[:1]).mask(spaced, full_names.str.partition(" ")[2])
    )
    born = rows["birthday"].str.replace("-", "")
    frame = pd.DataFrame({
        "unique_id": rows["record_no"], "given": given_names, "family": family_names,
        "name": (given_names + "~" + family_names).str.lower(),
        "birthday": born.str[:4] + "-" + born.str[4:6] + "-" + born.str[6:8],
        **{name: rows[name] for name in ("email", "phone", "gender", "address", "city", "postcode")},
    })  # fmt: skip
    frame["name"] = frame["name"].mask((given_names == "") | (family_names == ""), "")
    return frame.mask((frame == "") | (frame == "--"), None)


def linker_of(rows: pd.DataFrame) -> Linker:
    """Set up and train a linker."""
    settings = SettingsCreator(
        link_type="dedupe_only",
        blocking_rules_to_generate_predictions=[block_on(*on) for on in BLOCKS],
        comparisons=[
            cl.NameComparison("given").configure(term_frequency_adjustments=True),
            cl.NameComparison("family").configure(term_frequency_adjustments=True),
            cl.DateOfBirthComparison("birthday", input_is_string=True),
            cl.EmailComparison("email"),
            cl.LevenshteinAtThresholds("phone", 1),
            cl.ExactMatch("gender"),
            cl.JaroWinklerAtThresholds("address", [0.95, 0.9]),
            cl.ExactMatch("city").configure(term_frequency_adjustments=True),
            cl.ExactMatch("postcode").configure(term_frequency_adjustments=True),
        ],
    )
    api = DuckDBAPI()
    linker = Linker(api.register(rows), settings)
    sure = [block_on("email", "name"), block_on("phone", "name"), block_on("name", "birthday", "city")]
    linker.training.estimate_probability_two_random_records_match(sure, recall=0.7)
    linker.training.estimate_u_using_random_sampling(max_pairs=2e6)
    for on in (("name", "birthday"), ("email",), ("birthday", "postcode")):
        linker.training.estimate_parameters_using_expectation_maximisation(block_on(*on))
    return linker


def measured(folder: Path) -> dict[str, Any]:
    """Deduplicate the first day's records, and compare the clusters with the truth."""
    rows = prepared(folder)
    began = time.monotonic()
    linker = linker_of(rows)
    pairs = linker.inference.predict(threshold_match_probability=0.5)
    predicted = linker.clustering.cluster_pairwise_predictions_at_threshold(pairs, SURE).as_pandas_dataframe()
    seconds = time.monotonic() - began
    truth = pd.read_parquet(folder / "truth.parquet").set_index("record_no")["person"]
    clusters = predicted.set_index("unique_id")["cluster_id"]
    precision, recall, f1 = pair_scores(truth.reindex(clusters.index).to_numpy(), clusters.to_numpy())
    return {
        "records": len(rows), "splink_seconds": round(seconds, 1), "precision": round(precision, 5),
        "recall": round(recall, 5), "f1": round(f1, 5),
    }  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(measured(Path(sys.argv[1]))))
