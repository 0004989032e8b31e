"""Uplift on Hillstrom's randomised e-mail test: Qini, verdicts, and what a plan by customer is worth.

`python -m benchmarks.hillstrom` after setting QUANYU_DATA (default `../shared/data`); 64,000 customers in three arms.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ml.uplift.calibrated_effects import CalibratedEffects
from ml.uplift.comparison import UpliftEvidence, compare, random_half
from ml.uplift.experiment import Experiment
from ml.uplift.learners import boosted_trees, linear
from ml.uplift.policy_value import (
    ArmsExperiment,
    PlanValues,
    doubly_robust,
    gained,
    plan_gains,
    plan_values,
)
from ml.uplift.verdict import verdict

ROOT = Path(os.environ.get("QUANYU_DATA", "../shared/data"))
FEATURES = ["recency", "history_segment", "history", "mens", "womens", "zip_code", "newbie", "channel"]
CONTROL, MEN, WOMEN = ARMS = ("No E-Mail", "Mens E-Mail", "Womens E-Mail")
HALVES = 10
LEAST_QINI = 0.055


def main() -> None:
    """Print a table of what was asked for and what was measured, with the verdicts in words."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--halves", type=int, default=HALVES)
    parser.add_argument("--repeats", type=int, default=200, help="bootstrap draws of an interval")
    options = parser.parse_args()
    customers = read(ROOT)
    print("| what | asked for | measured |\n|---|---|---|")
    for line in lines(customers, options.halves, options.repeats):
        print(line, flush=True)


def lines(customers: pd.DataFrame, halves: int, repeats: int) -> Iterator[str]:
    """The rows of the table."""
    for base in (boosted_trees, linear):
        name = base.__name__.replace("_", " ")
        women = compare(two_arms(customers, WOMEN), base(), halves=halves, repeats=repeats)
        yield f"| women's e-mail, visit, {name}: Qini of the T-learner | >= {LEAST_QINI} | {women.qini['t_learner']} |"
        yield _others(women, f"the same, {name}")
        yield f"| women's e-mail, {name}: verdict | by uplift | {verdict(women).sentence} |"
        men = compare(two_arms(customers, MEN), base(), halves=halves, repeats=repeats)
        yield _others(men, f"men's e-mail, {name}")
        yield f"| men's e-mail, {name}: verdict | no uplift learner beats response | {verdict(men).sentence} |"
        values = spend_by_plan(customers, base(outcome_is_binary=False), halves, repeats)
        yield from _plans(values, name)


def _others(evidence: UpliftEvidence, what: str) -> str:
    figures = ", ".join(f"{name.replace('_', ' ')} {figure}" for name, figure in evidence.qini.items())
    return f"| {what}: Qini | – | {figures} |"


def _plans(values: PlanValues, name: str) -> Iterator[str]:
    for plan, value in values.values.items():
        over = "" if plan == values.reference else f"; over {values.reference}: {values.over[plan]}"
        yield f"| spend per customer above no e-mail, {name}: {plan} | with interval | {value}{over} |"


def read(root: Path) -> pd.DataFrame:
    """The customers of the test, one row each."""
    return pd.read_csv(root / "hillstrom_email" / "hillstrom.csv")


def matrix_of(customers: pd.DataFrame) -> Any:
    """Features, with a column for each word of a text: shape (rows, features)."""
    return pd.get_dummies(customers[FEATURES], dtype=float).to_numpy()


def two_arms(customers: pd.DataFrame, arm: str) -> Experiment:
    """Those who got an arm's e-mail and those who got none, with whether they came to the site."""
    rows = customers[customers["segment"].isin([arm, CONTROL])]
    treated = (rows["segment"] == arm).to_numpy()
    return Experiment(matrix_of(rows), treated, rows["visit"].to_numpy(float), np.full(len(rows), 0.5))


def three_arms(customers: pd.DataFrame) -> ArmsExperiment:
    """All customers, with what they spent."""
    arm = customers["segment"].map(ARMS.index).to_numpy(np.int64)
    rows, spend = len(customers), customers["spend"].to_numpy(float)
    return ArmsExperiment(ARMS, matrix_of(customers), arm, spend, np.full((rows, 3), 1 / 3), np.arange(rows))


def spend_by_plan(customers: pd.DataFrame, base: Any, halves: int, repeats: int) -> PlanValues:
    """What plans gain in spend per customer over no e-mail: a mean over the halves in which a customer is held out."""
    rows, free = three_arms(customers), (np.array([0.0, 1, 1]), np.zeros(3))
    names = (
        "men's e-mail to all", "women's e-mail to all", "the e-mail that was best in the half learned from, to all",
        "by customer", "by customer, effects as foretold",
    )  # fmt: skip
    totals, times = {name: np.zeros(len(customers)) for name in names}, np.zeros(len(customers))
    for half in range(halves):
        learned, rest = random_half(len(customers), half)
        effects, held_out = CalibratedEffects.fit(base, rows.select(learned), half), rows.select(rest)
        foretold = effects.models.predict(held_out.matrix)
        gains = plan_gains(doubly_robust(held_out, foretold), *free)
        raw, own = plan_gains(foretold, *free), effects.predict(held_out.matrix)
        single = (np.full(len(rest), number) for number in (1, 2, effects.averages.argmax()))
        plans = (*single, own.argmax(axis=1), raw.argmax(axis=1))
        times[rest] += 1
        for name, arms in zip(names, plans, strict=True):
            totals[name][rest] += gained(gains, np.eye(3)[arms])
    held_out_once = times > 0
    means = {name: total[held_out_once] / times[held_out_once] for name, total in totals.items()}
    return plan_values(means, names[0], np.flatnonzero(held_out_once), repeats)


if __name__ == "__main__":
    main()
