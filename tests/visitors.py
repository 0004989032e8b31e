"""A retailer with two models of a conf folder, trained and scored on random customers with a known truth."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from shop import Retailer, copy_registry

from ml.lifecycle.frames import dataset
from quanyu.grammar.model_spec import ModelSpec
from quanyu.run.runner import Context

DAY = "2024-07-01"
VISITS = '''
"""Visits."""
from quanyu.grammar.feature import Feature, FeatureView
from quanyu.model.entities import Customer
from quanyu.model.trade import Orders

class Visits(FeatureView):
    """How often a customer comes."""
    entity, owner, over, where = Customer, "growth", Orders, "kind = 'purchase'"
    visits = Feature("count(*)", "Visits.", zh="来访", unit="visits")
    visits_90d = Feature("count(*)", "Visits in 90 days.", unit="visits", within=90)
    spend = Feature("sum(amount)", "Money spent.", unit="currency")
'''
MODELS = '''
"""Who leaves, and who comes back."""
from ml.tasks.binary_classification import BinaryClassification
from quanyu.grammar.model_spec import Baseline, Cutoffs, Estimator, MetricGate, ModelSpec, NoneOf
from quanyu.model.entities import Customer

class Leaving(ModelSpec):
    """No visit in the next 30 days."""
    entity, owner, population = Customer, "growth", "visits.visits > 0"
    label = NoneOf("orders", 30, where="kind = 'purchase'")
    task = BinaryClassification(flag="at_risk", above=0.6)
    cutoffs, estimator = Cutoffs(at_most=2), Estimator(params={"n_estimators": 10, "max_depth": 2, "nthread": 1})
    features = ("visits.visits", "visits.visits_90d")
    baseline = Baseline("visits.spend", "less")
    gates = (MetricGate("auc", at_least=0.6),)

class Staying(Leaving):
    """No visit in the next 30 days, by money."""
    features = ("visits.visits", "visits.spend")
'''


def people(spec: type[ModelSpec], cutoffs: Sequence[date], count: int = 400, seed: int = 1) -> pd.DataFrame:
    """Customers whose chance of the label falls with the model's first feature."""
    random, frames = np.random.default_rng(seed), []
    names = dict.fromkeys([*spec.features, *([spec.baseline.feature] if spec.baseline else [])])
    for cutoff in cutoffs:
        frame = pd.DataFrame({name: random.uniform(0, 10, count).round(3) for name in names})
        frame["customer_id"], frame["cutoff"] = [f"c{n:05}" for n in range(count)], cutoff
        frame["label"] = (random.uniform(0, 10, count) > frame[spec.features[0]]).astype(float)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def labelled(
    context: Context, spec: type[ModelSpec], *cutoffs: date, share: float | None = None
) -> dataset.LabelledFrame:
    """What `dataset.labelled` would compute from facts."""
    return dataset.LabelledFrame(people(spec, cutoffs), ())


def stored(context: Context, spec: type[ModelSpec]) -> pd.DataFrame:
    """What `dataset.stored` would read."""
    return people(spec, [context.day], 200, seed=3).drop(columns=["cutoff", "label"])


def opened(retailer: Retailer, patch: pytest.MonkeyPatch) -> Retailer:
    """The retailer with its two models, nothing trained yet."""
    copy_registry(retailer.home)
    retailer.declare("features/visits.py", VISITS)
    retailer.declare("ml/visitors.py", MODELS)
    # Each patch replaces a query by random customers.
    for name, function in {"labelled": labelled, "stored": stored, "first_day": lambda *_: None}.items():
        patch.setattr(dataset, name, function)
    return retailer


def changed(retailer: Retailer, path: str, old: str, new: str) -> None:
    """Change a declaration, as if the next run were in another process."""
    text = (retailer.conf / path).read_text()
    assert old in text
    retailer.declare(path, text.replace(old, new))
    for cache in retailer.conf.rglob("__pycache__"):
        shutil.rmtree(cache)
    for name in [name for name in sys.modules if name.startswith("quanyu_conf_")]:
        del sys.modules[name]


def trained(retailer: Retailer, day: str = DAY, *names: str, force: bool = False) -> list[str]:
    """Train models, and return the notes."""
    steps = [f"train.{name}" for name in names or ("leaving", "staying")]
    return [note for outcome in retailer.run(day, *steps, force=force).values() for note in outcome.notes]


def scored(retailer: Retailer, day: str = DAY) -> tuple[dict[str, tuple[int, set[str]]], Any]:
    """Score. Returns rows and versions of each model on the day, and the outcome."""
    outcome = retailer.run(day, "scores")["scores"]
    if "gold/scores_customer" not in retailer.context(day).lake.places():
        return {}, outcome
    rows = retailer.rows("gold/scores_customer", "model", "version", "as_of")
    by_model: dict[str, tuple[int, set[str]]] = {}
    for model, version, as_of in rows:
        if str(as_of) == day:
            count, versions = by_model.get(model, (0, set()))
            by_model[model] = (count + 1, versions | {version})
    return by_model, outcome
