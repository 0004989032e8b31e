"""Churn of the sample retailer beside the true probabilities of no purchase, on the same customers.

Run `quanyu sample` and `quanyu run --day 2025-02-03` first, then
`python -m benchmarks.sample_churn --home .quanyu --truth .quanyu/truth`.
"""

from __future__ import annotations

import argparse
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.sample_truth import persons
from ml.churn import Churn
from ml.evaluation.ranking import Ranking
from ml.evaluation.resamples import intervals, point
from ml.lifecycle.frames import dataset
from ml.lifecycle.train import outcomes, train
from quanyu.config.settings import load_settings
from quanyu.run.runner import Context

# The truth has probabilities for the first days of months.
CUTOFF = date(2024, 11, 1)
ASKED = 0.02


def main() -> None:
    """Print the AUC of the model, of recency and of the truth, and the difference, each with its interval."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--truth", type=Path, required=True)
    parser.add_argument("--conf", type=Path, default=Path("conf"))
    options = parser.parse_args()
    day = CUTOFF + timedelta(days=Churn.label.horizon_days)
    context = Context(load_settings(options.conf, options.home), day)
    try:
        cutoffs = Churn.training_cutoffs(day, dataset.first_day(context, Churn))
        rows = dataset.labelled(context, Churn, *cutoffs, CUTOFF).rows
        none = true_probabilities(context.lake, options.truth)
    finally:
        context.close()
    is_test = rows["cutoff"] == CUTOFF
    trained = train(Churn, rows[~is_test].reset_index(drop=True), nthread=2)
    test = rows[is_test].merge(none, on="customer_id")
    labels = outcomes(test)
    rankings = {
        "model": Ranking(trained.predict(test), labels),
        "recency": Ranking(test["recency.days_since_order"].to_numpy("float64"), labels),
        "truth": Ranking(test["none"].to_numpy("float64"), labels),
    }

    def figures(weights: Any) -> dict[str, Any]:
        aucs = {name: ranking.figures(weights)["auc"] for name, ranking in rankings.items()}
        return {**aucs, "truth over model": aucs["truth"] - aucs["model"]}

    print(f"{len(test):,} customers of {CUTOFF}, {labels.sum():,.0f} of whom bought no more; at most {ASKED} is asked")
    print("| AUC of | value | 95 % interval |\n|---|---|---|")
    both = point(figures, len(labels)) | intervals(figures, len(labels))
    for name in (*rankings, "truth over model"):
        print(f"| {name} | {both[name]:.4f} | {both[f'{name}_low']:.4f} to {both[f'{name}_high']:.4f} |")


def true_probabilities(lake: Any, truth: Path) -> pd.DataFrame:
    """Probability that none of the persons behind a customer buys in 90 days: customer_id, none."""
    ids = lake.arrow("gold/identities").to_table().to_pandas()
    ids = ids[ids["valid_to"].isna()][["source", "person_key", "customer_id"]]
    behind = persons(lake, truth).merge(ids, on=["source", "person_key"])[["customer_id", "truth"]].drop_duplicates()
    states = pd.read_parquet(truth / "states" / f"{CUTOFF}.parquet").rename(columns={"person": "truth"})
    chances = behind.merge(states[["truth", "p_purchase_90"]], on="truth")
    none = (1 - chances["p_purchase_90"]).groupby(chances["customer_id"]).prod()
    return none.rename("none").reset_index()


if __name__ == "__main__":
    main()
