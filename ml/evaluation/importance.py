"""How much a model needs each feature: what its loss gains when the feature's values change places."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml.lifecycle.train import Trained, outcomes
from quanyu.grammar.model_spec import ModelSpec
from quanyu.grammar.task import Task

if TYPE_CHECKING:
    import pandas as pd

MOST_ROWS = 20_000


def importance(spec: type[ModelSpec], trained: Trained, test: pd.DataFrame, seed: int) -> dict[str, pd.DataFrame]:
    """Table `importance`, the feature needed most first: feature, loss (added where its values are shuffled).

    None for a task that has no loss, or without rows. Of many rows a seeded sample is used.
    """
    import numpy as np
    import pandas as pd

    if type(spec.task).loss is Task.loss or test.empty:
        return {}
    rows = test.sample(min(len(test), MOST_ROWS), random_state=seed).reset_index(drop=True)
    labels, random = outcomes(rows), np.random.default_rng(seed)
    usual = spec.task.loss(trained.predict(rows), labels)
    added = {}
    for feature in spec.features:
        shuffled = rows.assign(**{feature: random.permutation(rows[feature].to_numpy())})
        added[feature] = spec.task.loss(trained.predict(shuffled), labels) - usual
    table = pd.DataFrame({"feature": list(added), "loss": list(added.values())})
    return {"importance": table.sort_values("loss", ascending=False, kind="stable").reset_index(drop=True)}
