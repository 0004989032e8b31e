"""Lift of the sample retailer's lookalike audience: by the hidden half of its seeds, and by what people truly are.

Run `quanyu sample` and `quanyu run --day 2025-02-03` first, then
`python -m benchmarks.sample_lookalike --home .quanyu --truth .quanyu/truth`.
"""

from __future__ import annotations

import argparse
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from benchmarks.sample_truth import persons
from jobs.audiences import alike, rules
from ml.lookalike.expansion import choose_seed, expand
from quanyu.config.settings import load_settings
from quanyu.grammar.audience import Audience
from quanyu.model.entities import Customer
from quanyu.run.runner import Context

NAME = "like_good_customers"
# Of the kind that a house wants more of: the fifth of all people who will truly spend most in the next 90 days.
OF_KIND = 0.8


def main() -> None:
    """Print a table of lifts by seed and similarity, and of what the members of two days share."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--truth", type=Path, required=True)
    parser.add_argument("--conf", type=Path, default=Path("conf"))
    parser.add_argument("--day", type=date.fromisoformat, default=date(2025, 2, 3))
    options = parser.parse_args()
    context = Context(load_settings(options.conf, options.home), options.day)
    earlier = Context(context.settings, options.day - timedelta(days=1))
    try:
        audience = context.catalogue.audiences[NAME]
        kind = of_kind(context.lake, options.truth, options.day)
        print("| who may be found | similarity | seed | lift of the hidden half | share of the kind found, of all |")
        print("|---|---|---|---|---|")
        # Who consents to nothing is looked at only where nobody is asked.
        for whom, purpose in (("with consent for ads", "ads"), ("everybody", "analytics")):
            asked = audience.model_copy(update={"purpose": purpose})
            rows = customers(context, asked)
            for by in alike.SIMILARITIES:
                for line in figures(rows, asked, by, kind):
                    print(f"| {whom} | {by} | {line} |")
            before = customers(earlier, asked)
            for by in alike.SIMILARITIES:
                print(f"{whom}, {by}: {shared(rows, before, asked, by)} of the members are those of the day before")
    finally:
        context.close()
        earlier.close()


def of_kind(lake: Any, truth: Path, day: date) -> set[str]:
    """Customers who are truly of the kind: by their chance to buy in the next 90 days, and by their purse."""
    states = pd.read_parquet(truth / f"states/{day}.parquet", columns=["person", "p_purchase_90"])
    people = pd.read_parquet(truth / "people.parquet", columns=["person", "purse"]).merge(states)
    worth = people["p_purchase_90"] * people["purse"]
    good = set(people.loc[worth >= worth.quantile(OF_KIND), "person"])
    ids = lake.arrow("gold/identities").to_table().to_pandas()
    ids = ids[ids["valid_to"].isna()][["source", "person_key", "customer_id"]]
    records = persons(lake, truth).merge(ids, on=["source", "person_key"])
    most = records.groupby("customer_id")["truth"].agg(lambda names: names.value_counts().index[0])
    return set(most[most.isin(good)].index)


def customers(context: Context, audience: Audience) -> Any:
    """Who may be found or is in a seed on the day, with features, as an Arrow table."""
    settings = audience.alike
    assert settings is not None
    seeds = [context.catalogue.audiences[name] for name in settings.seeds]
    members = rules.evaluate_rules(context, Customer, (), [*seeds, audience]).where("lost is null")
    today = context.lake.staging.materialize(members)
    return alike.customers(context, Customer, audience, settings.seeds, settings.names(), today)


def figures(rows: Any, audience: Audience, by: str, kind: set[str]) -> list[str]:
    """A line for each seed: its name, the lift of its hidden half, and how many of its expansion are of the kind."""
    settings = audience.alike
    assert settings is not None
    truly = np.isin(rows["customer_id"].to_numpy(), list(kind))
    lines = []
    matrix = np.column_stack([rows[name].to_numpy() for name in settings.features])
    seeds = {name: rows[f"in_{name}"].to_numpy() for name in settings.seeds}
    may = rows["found"].to_numpy()
    size, similarity = settings.number(int(may.sum())), alike.SIMILARITIES[by]
    choice = choose_seed(seeds, matrix, size, similarity, settings.least)
    for lift in choice.lifts:
        seed = seeds[lift.name]
        found = expand(similarity(matrix, seed, 0), seed | ~may, size)
        hits, base = int(truly[found].sum()), float(truly[may & ~seed].mean())
        interval = binomtest(hits, size).proportion_ci()
        chosen = " (chosen)" if lift.name == choice.chosen else ""
        measured = f"{lift.lift:.2f} [{lift.low:.2f}, {lift.high:.2f}]"
        share = f"{hits / size:.2f} [{interval.low:.2f}, {interval.high:.2f}] of {size}, {base:.2f}"
        lines.append(f"{lift.name}{chosen} | {measured} | {share}, lift {hits / size / base:.2f}")
    return lines


def shared(rows: Any, before: Any, audience: Audience, by: str) -> str:
    """The share of members whom an expansion of the day before finds too, with the seed that is chosen now."""
    settings = audience.alike
    assert settings is not None
    of_days = []
    chosen = settings.seeds
    for day in (rows, before):
        choice, members = alike.fitted(settings.model_copy(update={"by": by, "seeds": chosen}), day)
        chosen = (choice.chosen,)
        of_days.append(set(members["customer_id"].to_pylist()))
    return f"{len(of_days[0] & of_days[1]) / max(len(of_days[0]), 1):.2f}"


if __name__ == "__main__":
    main()
