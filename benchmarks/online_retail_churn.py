"""Churn on Online Retail, the model as shipped: trained on earlier cutoffs, beside BG/NBD and recency on the same rows.

`python -m benchmarks.online_retail_churn DATA` brings the file in through `examples/online_retail` up to the test
cutoff and then to its end, and prints the AUC of each, what was foretold over what came, and intervals of paired
resamples.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ml.buying.bg_nbd import BgNbd, PurchaseHistories
from ml.churn import Churn
from ml.evaluation.ranking import Ranking
from ml.evaluation.resamples import intervals, point
from ml.lifecycle.frames import dataset
from ml.lifecycle.train import outcomes, train
from quanyu.config.settings import load_settings
from quanyu.run.runner import Context, perform

if TYPE_CHECKING:
    import pandas as pd

    from quanyu.grammar.task import Floats

ROOT = Path(__file__).parents[1]
CUTOFF, LAST = date(2011, 9, 10), date(2011, 12, 9)


def home(data: Path, folder: Path) -> Context:
    """The shop's home after a run at the test cutoff and one on the last day of the file."""
    conf = folder / "conf"
    if not conf.exists():
        shutil.copytree(ROOT / "examples" / "online_retail", conf)
        with (conf / "base.yml").open("a", encoding="utf-8") as file:
            file.write(f"data: {data.resolve()}\n")
        for day in (CUTOFF, LAST):
            context = Context(load_settings(conf, folder / "home"), day)
            for step in ("ingest.invoices", "identities", "customers"):
                perform(context, context.step(step))
            context.close()
    return Context(load_settings(conf, folder / "home"), LAST)


def purchase_days(context: Context) -> pd.DataFrame:
    """Days before the end of the test cutoff on which each customer bought: customer_id, day."""
    people = context.lake.table(context.catalogue.tables["identities"]).where("valid_to is null")
    orders = context.lake.table(context.catalogue.tables["orders"])
    bought = orders.where("kind = 'purchase' and status = 'paid' and replaced_on is null")
    bought = bought.where(f"ordered_at < timestamp'{CUTOFF + timedelta(days=1)} 00:00:00'")
    rows = people.select("source", "person_key", "customer_id").join(bought, ["source", "person_key"])
    return rows.selectExpr("customer_id", "to_date(ordered_at) as day").distinct().toPandas()


def expected_purchases(days: pd.DataFrame, horizon: int) -> pd.Series[float]:
    """Expected purchases within the horizon by BG/NBD, by customer."""
    import pandas as pd

    by_customer = pd.to_datetime(days["day"]).groupby(days["customer_id"]).agg(["min", "max", "count"])
    last = (by_customer["max"] - by_customer["min"]).dt.days.to_numpy("float64")
    age = (pd.Timestamp(CUTOFF) - by_customer["min"]).dt.days.to_numpy("float64")
    repeats: Floats = by_customer["count"].to_numpy("float64") - 1.0
    model = BgNbd.fit(PurchaseHistories.of(repeats, last, age))
    histories = PurchaseHistories(repeats, last, age, np.ones_like(age))
    return pd.Series(model.expected_purchases(histories, horizon), by_customer.index)


def compared(scores: dict[str, Floats], labels: Floats, chance: Floats) -> dict[str, float]:
    """AUC of each score, the model's over the others', and foretold over came, with bounds of paired resamples."""
    rankings = {name: Ranking(score, labels) for name, score in scores.items()}

    def figures(weights: Floats) -> dict[str, Floats]:
        auc = {name: ranking.figures(weights)["auc"] for name, ranking in rankings.items()}
        over = {f"over {name}": auc["model"] - auc[name] for name in auc if name != "model"}
        return {**auc, **over, "foretold over came": (weights @ chance) / (weights @ labels)}

    return point(figures, len(labels)) | intervals(figures, len(labels))


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--home", type=Path, help="folder that keeps the home, or has it")
    chosen = parser.parse_args()
    folder = chosen.home or Path(tempfile.mkdtemp())
    context = home(chosen.data, folder)
    cutoffs = Churn.training_cutoffs(LAST, dataset.first_day(context, Churn))
    frame = dataset.labelled(context, Churn, *cutoffs, CUTOFF).rows
    is_test = frame["cutoff"] == CUTOFF
    test = frame[is_test].reset_index(drop=True)
    trained = train(Churn, frame[~is_test], nthread=2)
    foretold = trained.predict(test)
    expected = expected_purchases(purchase_days(context), Churn.label.horizon_days)
    scores = {
        "model": foretold,
        "BG/NBD": -expected.reindex(test["customer_id"]).to_numpy(),
        "recency": test["recency.days_since_order"].to_numpy("float64"),
    }
    labels = outcomes(test)
    print(f"trained on {', '.join(map(str, cutoffs))}; {len(test):,} customers, {int(labels.sum()):,} left")
    figures = compared(scores, labels, foretold)
    for name in (name for name in figures if not name.endswith(("_low", "_high"))):
        print(f"{name:20} {figures[name]:.4f}  [{figures[f'{name}_low']:.4f}, {figures[f'{name}_high']:.4f}]")
    context.close()
    if not chosen.home:
        shutil.rmtree(folder)
    sys.exit(figures["over BG/NBD_low"] <= 0)


if __name__ == "__main__":
    main()
