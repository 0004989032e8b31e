"""Tags of the sample retailer beside the truth that no feed tells: AARRR stages, sizes, rhythm, shoppers, outlets.

Run `quanyu sample` and `quanyu run --day 2025-02-03` first, then
`python -m benchmarks.tags --home .quanyu --truth .quanyu/truth [--earlier 2024-08-07]`.
"""

from __future__ import annotations

import argparse
import json
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from scipy.stats import spearmanr
from sklearn.metrics import cohen_kappa_score

from benchmarks.sample_truth import persons
from quanyu.config.settings import load_settings
from quanyu.model.entities import Customer
from quanyu.point_in_time.profiles import computed
from quanyu.run.runner import Context

STAGES = ("acquisition", "activation", "retention", "revenue", "referral")
SIZED = {"size_WO": "女装", "size_ME": "男装", "size_SH": "鞋靴"}


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--truth", type=Path, required=True)
    parser.add_argument("--conf", type=Path, default=Path("conf"))
    parser.add_argument("--day", type=date.fromisoformat, default=date(2025, 2, 3))
    parser.add_argument("--earlier", type=date.fromisoformat, help="day whose index of shoppers is compared")
    options = parser.parse_args()
    settings = load_settings(options.conf, options.home)
    context = Context(settings, options.day)
    try:
        known = customers(context, options.truth)
        figures = {
            "customers": len(known), "aarrr": stages(known, options.truth, options.day), "sizes": sizes(known),
            "rhythm": rhythm(known), "shopper": shopper(known), "outlets": outlets(context, options.truth, options.day),
        }  # fmt: skip
        if options.earlier:
            figures["stability"] = stability(context, options.earlier)
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
                  ("quick", "uncompared", "tempted", "regrets", "irregular")},
        "types": table.to_dict("index"),
    }  # fmt: skip


def outlets(context: Context, truth: Path, day: date) -> list[Any]:
    """True states of outlets beside their tags."""
    states = pd.read_parquet(truth / "outlet_states" / f"{day}.parquet")
    profiles = context.lake.arrow("gold/profile_outlet").to_table().to_pandas()
    columns = [name for name in profiles.columns if name.endswith("__state")]
    rows = states.merge(profiles, on="outlet")
    return (
        rows.groupby(["state", *columns], dropna=False).size().rename("n").reset_index().to_dict("records")
        if columns
        else []
    )


def stability(context: Context, earlier: date) -> dict[str, Any]:
    """Rank correlation of the index of an earlier day with that of the day; their windows may overlap."""
    name = "shopper.index"
    rows = computed(context, Customer, [name], earlier, context.day).toPandas()
    index = rows.pivot(index="customer_id", columns="as_of", values="shopper__index").dropna()
    return {"customers": len(index), "spearman": _spearman(index.iloc[:, 0], index.iloc[:, 1])}


def _spearman(one: pd.Series, other: pd.Series) -> float | None:
    both = one.notna() & other.notna()
    return round(float(spearmanr(one[both], other[both]).statistic), 3) if both.sum() > 2 else None


if __name__ == "__main__":
    main()
