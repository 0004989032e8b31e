"""Uplift of the sample retailer's campaigns beside the true uplift, and the verdict on each of them.

Run `quanyu sample` and `quanyu run --day 2025-02-03` first, then
`python -m benchmarks.sample_uplift --home .quanyu --truth .quanyu/truth`.
"""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
from scipy.stats import spearmanr

from ml.campaign_uplift import BEFORE_THE_DRAW, CampaignUplift
from ml.lifecycle.frames.assigned import assigned
from ml.uplift.comparison import compare
from ml.uplift.draws import experiment_of
from ml.uplift.experiment import Experiment
from ml.uplift.learners import ResponseLearner, linear, uplift_learners
from ml.uplift.verdict import verdict
from quanyu.config.settings import load_settings
from quanyu.run.runner import Context

# The sample's third campaign has the same effect on everybody.
ALIKE = "C0003"


def main() -> None:
    """Print a table of what was asked for and what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--truth", type=Path, required=True)
    parser.add_argument("--conf", type=Path, default=Path("conf"))
    parser.add_argument("--day", type=date.fromisoformat, default=date(2025, 2, 3))
    options = parser.parse_args()
    context = Context(load_settings(options.conf, options.home), options.day)
    try:
        rows = drawn(context, options.truth)
    finally:
        context.close()
    print(f"{len(rows):,} assignments, {rows['label'].mean():.3f} bought\n")
    print("| what | asked for | measured |\n|---|---|---|")
    for name, figures in ranks(rows).items():
        print(f"| rank correlation with the true uplift, {name} | reported | {figures} |")
    of_all = verdict(compare(experiment(rows), linear(), halves=10, repeats=200))
    print(f"| all campaigns: verdict | reported | {of_all.sentence} |")
    alike = verdict(compare(experiment(rows[rows["campaign"] == ALIKE]), linear(), halves=10, repeats=200))
    print(f"| {ALIKE}, with one effect for everybody: verdict | no ranking beats chance | {alike.sentence} |")


def drawn(context: Context, truth: Path) -> pd.DataFrame:
    """One row for each assignment whose outcome is known: customer, campaign, arm, features, label, true uplift."""
    rows = assigned(context, CampaignUplift, date(2000, 1, 1), context.day).rows
    uplift = pd.read_parquet(truth / "uplift.parquet")
    persons = _persons(context, truth)
    both: pd.DataFrame = rows.merge(persons, on=["campaign", "customer_id"]).merge(uplift, on=["campaign", "person"])
    return both


def _persons(context: Context, truth: Path) -> pd.DataFrame:
    """The true person of each customer of a campaign, by the numbers of members in its records."""
    ids = context.lake.arrow("gold/identities").to_table().to_pandas()
    ids = ids[ids["valid_to"].isna()][["source", "person_key", "customer_id"]]
    numbers = context.lake.arrow("silver/identifiers").to_table().to_pandas()
    numbers = numbers[numbers["kind"] == "member"][["source", "person_key", "value"]].drop_duplicates()
    rows = context.lake.arrow("silver/assignments").to_table(["source", "person_key", "campaign"]).to_pandas()
    rows = rows.merge(ids).merge(numbers)
    rows["key"] = rows["campaign"] + "-" + rows["value"]
    records = pd.read_parquet(truth / "records", filters=[("feed", "==", "assignments")])
    persons = rows.merge(records[["key", "person"]], on="key").drop_duplicates(["campaign", "customer_id"])
    columns: pd.DataFrame = persons[["campaign", "customer_id", "person"]]
    return columns


def experiment(rows: pd.DataFrame) -> Experiment:
    """The assignments as an experiment, with the probabilities that were logged."""
    matrix: Any = rows[list(BEFORE_THE_DRAW)].to_numpy(float)
    return experiment_of(rows, matrix, rows["label"].to_numpy(float), rows["customer_id"])[0]


def ranks(rows: pd.DataFrame) -> dict[str, str]:
    """Rank correlation of what each learner foretells of the last third of the campaigns, learned from the others."""
    campaigns = sorted(set(rows["campaign"]) - {ALIKE})
    learned = rows[rows["campaign"].isin(campaigns[: len(campaigns) * 2 // 3])]
    later = rows[rows["campaign"].isin(campaigns[len(campaigns) * 2 // 3 :])]
    figures = {}
    for name, learner in {**uplift_learners(linear()), "response model": ResponseLearner(linear())}.items():
        foretold = learner.fit(experiment(learned), 0).predict(later[list(BEFORE_THE_DRAW)].to_numpy(float))
        rank = spearmanr(foretold, later["uplift"])
        figures[name.replace("_", " ")] = f"{rank.statistic:.3f} of {len(later):,}"
    return figures


if __name__ == "__main__":
    main()
