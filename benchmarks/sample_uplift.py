"""Uplift of the sample retailer's campaigns beside the true uplift, and the verdict on each of them.

Run `quanyu sample` and `quanyu run --day 2025-02-03` first, then
`python -m benchmarks.sample_uplift --home .quanyu --truth .quanyu/truth`.
"""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from ml.lifecycle.frames.dataset import labelled
from ml.tasks.binary_classification import BinaryClassification
from ml.uplift.comparison import compare
from ml.uplift.experiment import Experiment
from ml.uplift.learners import ResponseLearner, linear, uplift_learners
from ml.uplift.verdict import verdict
from quanyu.config.settings import load_settings
from quanyu.grammar.model_spec import Label, ModelSpec
from quanyu.grammar.offers.offer import CONTROL
from quanyu.model.entities import Customer
from quanyu.run.runner import Context

FEATURES = (
    "value.orders", "value.spend", "value.orders_ever", "value.average_order", "recency.days_since_order",
    "recency.orders_90d", "recency.orders_180d", "recency.days_between_orders", "deals.discount_share",
    "deals.promotion_share", "messaging.received", "messaging.opened", "messaging.clicked", "browsing.visits",
    "browsing.carts", "engagement.active_days_90d", "engagement.channels", "preference.new_share", "referrals.visits",
)  # fmt: skip
DAYS = 15
"""The effect lasts 14 days from the day after that of the send."""
# The sample's third campaign has the same effect on everybody.
ALIKE = "C0003"


class AnswersCampaign(ModelSpec):
    """A purchase after a campaign."""

    entity, owner = Customer, "growth"
    population = "value.orders_ever >= 0 or value.orders_ever is null"
    label = Label("orders", horizon_days=DAYS, where="purchase")
    task = BinaryClassification()
    features = FEATURES


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
        rows = assigned(context, options.truth)
    finally:
        context.close()
    print(f"{len(rows):,} assignments, {rows['bought'].mean():.3f} bought\n")
    print("| what | asked for | measured |\n|---|---|---|")
    for name, figures in ranks(rows).items():
        print(f"| rank correlation with the true uplift, {name} | reported | {figures} |")
    of_all = verdict(compare(experiment(rows), linear(), halves=10, repeats=200))
    print(f"| all campaigns: verdict | reported | {of_all.sentence} |")
    alike = verdict(compare(experiment(rows[rows["campaign"] == ALIKE]), linear(), halves=10, repeats=200))
    print(f"| {ALIKE}, with one effect for everybody: verdict | no ranking beats chance | {alike.sentence} |")


def assigned(context: Context, truth: Path) -> pd.DataFrame:
    """One row for each assignment whose outcome is known: customer, campaign, arm, features, outcome, true uplift."""
    rows = context.lake.arrow("silver/assignments").to_table().to_pandas()
    rows = rows[rows["replaced_on"].isna()]
    rows["cutoff"] = rows["feed_day"] - pd.Timedelta(days=1)
    rows = rows[rows["cutoff"] + pd.Timedelta(days=DAYS) <= context.day]
    ids = context.lake.arrow("gold/identities").to_table().to_pandas()
    ids = ids[ids["valid_to"].isna()][["source", "person_key", "customer_id"]]
    numbers = context.lake.arrow("silver/identifiers").to_table().to_pandas()
    numbers = numbers[numbers["kind"] == "member"][["source", "person_key", "value"]].drop_duplicates()
    rows = rows.merge(ids).merge(numbers).drop_duplicates(["campaign", "customer_id"])
    outcomes = labelled(context, AnswersCampaign, *sorted(set(rows["cutoff"])))
    rows = rows.merge(outcomes, on=["customer_id", "cutoff"])
    rows["bought"] = (rows["label"] > 0).astype(float)
    records = pd.read_parquet(truth / "records", filters=[("feed", "==", "assignments")])
    rows["key"] = rows["campaign"] + "-" + rows["value"]
    rows = rows.merge(records[["key", "person"]], on="key")
    both: pd.DataFrame = rows.merge(pd.read_parquet(truth / "uplift.parquet"), on=["campaign", "person"])
    return both


def experiment(rows: pd.DataFrame) -> Experiment:
    """The assignments as an experiment, with the probabilities that were logged."""
    features: Any = rows[list(FEATURES)].to_numpy(float)
    customers = rows["customer_id"].astype("category").cat.codes.to_numpy().astype(np.int64)
    treated, own = (rows["arm"] != CONTROL).to_numpy(), rows["probability"].to_numpy()
    return Experiment(features, treated, rows["bought"].to_numpy(), np.where(treated, own, 1 - own), customers)


def ranks(rows: pd.DataFrame) -> dict[str, str]:
    """Rank correlation of what each learner foretells of the last third of the campaigns, learned from the others."""
    campaigns = sorted(set(rows["campaign"]) - {ALIKE})
    learned = rows[rows["campaign"].isin(campaigns[: len(campaigns) * 2 // 3])]
    later = rows[rows["campaign"].isin(campaigns[len(campaigns) * 2 // 3 :])]
    figures = {}
    for name, learner in {**uplift_learners(linear()), "response model": ResponseLearner(linear())}.items():
        foretold = learner.fit(experiment(learned), 0).predict(later[list(FEATURES)].to_numpy(float))
        rank = spearmanr(foretold, later["uplift"])
        figures[name.replace("_", " ")] = f"{rank.statistic:.3f} of {len(later):,}"
    return figures


if __name__ == "__main__":
    main()
