"""Tags of the sample retailer beside the truth that no feed tells: AARRR stages, sizes, rhythm, shoppers, outlets.

Run `quanyu sample` and `quanyu run --day 2025-02-03` first, then
`python -m benchmarks.tags --home .quanyu --truth .quanyu/truth`.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from scipy.stats import spearmanr
from sklearn.metrics import cohen_kappa_score

from benchmarks.sample_truth import persons
from quanyu.config.settings import load_settings
from quanyu.grammar.feature import FeatureView
from quanyu.model.entities import Customer, Outlet
from quanyu.model.trade import OrderLines
from quanyu.point_in_time import as_of, view_parts
from quanyu.point_in_time.profiles import InputsOfDays, computed, computed_from
from quanyu.run.runner import Context

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

ORDER = ["source", "order_id"]
STAGES = ("acquisition", "activation", "retention", "revenue", "referral")
SIZED = {"size_WO": "女装", "size_ME": "男装", "size_SH": "鞋靴"}


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--truth", type=Path, required=True)
    parser.add_argument("--conf", type=Path, default=Path("conf"))
    parser.add_argument("--day", type=date.fromisoformat, default=date(2025, 2, 3))
    options = parser.parse_args()
    settings = load_settings(options.conf, options.home)
    context = Context(settings, options.day)
    try:
        known = customers(context, options.truth)
        figures = {
            "customers": len(known), "aarrr": stages(known, options.truth, options.day), "sizes": sizes(known),
            "rhythm": rhythm(known), "style": style(known), "shopper": shopper(known),
            "split_halves": split_halves(context), "outlets": outlets(context, options.truth),
        }  # fmt: skip
    finally:
        context.close()
    print(json.dumps(figures, indent=2, ensure_ascii=False, default=float))


def customers(context: Context, truth: Path) -> pd.DataFrame:
    """Profiles of customers whose records are all of one person and who have all of them, with the person's truth."""
    records = persons(context.lake, truth).drop_duplicates(["source", "person_key"], keep=False)
    identities = context.lake.arrow("gold/identities").to_table().to_pandas()
    identities = identities[identities["valid_to"].isna()]
    both = records.merge(identities[["source", "person_key", "customer_id"]])
    pure = both.groupby("customer_id")["truth"].transform("nunique") == 1
    whole = both.groupby("truth")["customer_id"].transform("nunique") == 1
    pairs = both[pure & whole][["customer_id", "truth"]].drop_duplicates()
    profiles = context.lake.arrow("gold/profile_customer").to_table().to_pandas()
    people = pd.read_parquet(truth / "people.parquet").rename(columns={"person": "truth", "size": "true_size"})
    rows: pd.DataFrame = profiles.merge(pairs, on="customer_id").merge(people, on="truth")
    return rows


def stages(known: pd.DataFrame, truth: Path, day: date) -> dict[str, Any]:
    """Agreement of AARRR stages: share that is equal, and weighted kappa; and where they differ."""
    states = pd.read_parquet(truth / "states" / f"{day}.parquet").rename(columns={"person": "truth"})
    rows = known.merge(states[["truth", "stage"]].dropna(), on="truth")
    own, right = rows["aarrr__stage"], rows["stage"]
    return {
        "equal": round(float((own == right).mean()), 4),
        "kappa": round(cohen_kappa_score(own.map(STAGES.index), right.map(STAGES.index), weights="linear"), 4),
        "differences": rows[own != right]
        .groupby(["stage", "aarrr__stage"])
        .size()
        .rename("n")
        .reset_index()
        .to_dict("records"),
    }


def sizes(known: pd.DataFrame) -> dict[str, Any]:
    """Of customers who bought a category of clothes, the share who bought it in their own size."""
    shares = {}
    for column, category in SIZED.items():
        bought = known["sizes__bought"].map(partial(_of_category, category))
        rows = known[(bought.map(len) > 0) & known[column].notna()]
        own = [f"{category} {size}" in texts for size, texts in zip(rows[column], bought[rows.index], strict=True)]
        shares[category] = {"customers": len(rows), "own_size": round(sum(own) / len(own), 4) if own else None}
    return shares


def _of_category(category: str, bought: list[str] | None) -> list[str]:
    return [] if bought is None else [text for text in bought if text.startswith(category)]


def rhythm(known: pd.DataFrame) -> dict[str, Any]:
    """Rank correlation of the typical gap with the days between purchases while a habit lasts."""
    rows = known[known["rhythm__gaps"] >= 3]
    return {"customers": len(rows), "spearman": _spearman(rows["rhythm__typical_gap"], rows["rhythm_days"])}


def shopper(known: pd.DataFrame) -> dict[str, Any]:
    """Rank correlation of the index with how little a person deliberates, and types beside the true ones."""
    rows = known[known["shopper__index"].notna()]
    table = pd.crosstab(rows["shopper"], rows["shopper__type"])
    return {
        "customers": len(rows), "spearman": _spearman(rows["shopper__index"], -rows["deliberation"]),
        "parts": {part: _spearman(rows[f"shopper__{part}"], -rows["deliberation"]) for part in
                  ("quick", "uncompared", "unplanned", "tempted", "regrets", "irregular")},
        "types": table.to_dict("index"),
    }  # fmt: skip


def style(known: pd.DataFrame) -> dict[str, Any]:
    """Of customers with a style, the share for whom it is a word that they prefer, and that of any bought word."""
    rows = known[known["taste__style"].notna()]
    own = [word in words.split("、") for word, words in zip(rows["taste__style"], rows["style_words"], strict=True)]
    words = set("、".join(rows["style_words"]).split("、"))
    by_chance = rows["style_words"].str.split("、").map(len).mean() / len(words)
    return {"customers": len(rows), "own_word": sum(own) / len(own), "by_chance": by_chance}


def outlets(context: Context, truth: Path) -> list[Any]:
    """True states of outlets beside their tag, in outlet-days: on each first of a month after half a year."""
    files = sorted((truth / "outlet_states").glob("*.parquet"))[6:]
    states = {date.fromisoformat(path.stem): pd.read_parquet(path) for path in files}
    tags = computed(context, Outlet, ["outlet_health.state"], *states).toPandas()
    true = pd.concat(rows.assign(as_of=day) for day, rows in states.items())
    rows = true.merge(tags, on=["outlet", "as_of"])
    rows = rows.rename(columns={"state": "truth", "outlet_health__state": "tag"})
    return rows.groupby(["truth", "tag"], dropna=False).size().rename("n").reset_index().to_dict("records")


@dataclass(frozen=True)
class InputsOfOrders(InputsOfDays):
    """What profiles are made of if there were some orders alone; `orders` are their source and order_id."""

    orders: DataFrame

    def parts(self, view: type[FeatureView]) -> DataFrame:
        """What a view stores, computed from facts of these orders."""
        facts = as_of.facts_of(self.context, self.entity, view.over, view.via, *self.days)
        chosen = facts.join(self.orders, ORDER, "left_semi")
        return view_parts.compute_from(self.context, view, chosen, *self.days)


def split_halves(context: Context) -> dict[str, Any]:
    """Correlation of the index by every other order of a customer with that by the others, and reliability by it.

    The reliability of the index by all orders is 2 r / (1 + r) (Spearman 1910, Brown 1910).
    """
    lines = as_of.facts(context, OrderLines, context.day).where("customer_id is not null")
    orders = lines.groupBy("customer_id", *ORDER).agg({"ordered_at": "min"}).withColumnRenamed("min(ordered_at)", "at")
    place = "row_number() over (partition by customer_id order by at, source, order_id) % 2 as half"
    orders = context.lake.staging.materialize(orders.selectExpr(*ORDER, place))
    halves = [_index_of(context, orders.where(f"half = {half}").drop("half")) for half in (0, 1)]
    both = pd.concat(halves, axis=1, join="inner").dropna()
    r = float(both.corr().to_numpy()[0, 1])
    return {"customers": len(both), "r": round(r, 3), "reliability": round(2 * r / (1 + r), 3)}


def _index_of(context: Context, orders: DataFrame) -> pd.Series:
    inputs = InputsOfOrders(context, Customer, (context.day,), orders)
    rows = computed_from(context, Customer, ["shopper.index"], inputs).toPandas()
    return rows.set_index("customer_id")["shopper__index"]


def _spearman(one: pd.Series, other: pd.Series) -> float | None:
    both = one.notna() & other.notna()
    return round(float(spearmanr(one[both], other[both]).statistic), 3) if both.sum() > 2 else None


if __name__ == "__main__":
    main()
