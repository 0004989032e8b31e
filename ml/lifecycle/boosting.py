"""Gradient-boosted trees of xgboost, for tasks whose prediction is one number."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ml.buying import formulas
from ml.lifecycle.serving import served
from ml.lifecycle.train import folds_of
from quanyu.grammar.model_spec import ModelSpec, NoneOf
from quanyu.grammar.task import Examples

if TYPE_CHECKING:
    from quanyu.grammar.task import Floats

FOLDS = 5


@dataclass(frozen=True)
class BoostedTrees:
    """A booster, and the points or coefficients that turn its scores into probabilities; none for plain scores."""

    features: tuple[str, ...]
    booster: Any
    calibration: dict[str, Any]
    history: dict[str, Any] = field(default_factory=dict)
    """BG/NBD of the customers' pasts, whose probability of no purchase is a feature more; empty for none."""
    serving = Path(served.__file__)
    requirements = ("xgboost", "pandas", "numpy")

    def predict(self, matrix: Floats) -> Floats:
        """Return one number per row of features: shape (rows,)."""
        scores: Floats = served.calibrated(raw_scores(self.booster, matrix, self.history), self.calibration)
        return scores

    def save(self, folder: Path) -> dict[str, str]:
        """Write the model as JSON, without pickles, and return the files by role."""
        paths = {served.BOOSTER: folder / "booster.json", served.CALIBRATION: folder / "calibration.json"}
        self.booster.save_model(paths[served.BOOSTER])
        shape = {**self.calibration, "features": list(self.features), "history": self.history}
        paths[served.CALIBRATION].write_text(json.dumps(shape), encoding="utf-8")
        if self.history:
            paths[served.FORMULAS] = Path(formulas.__file__)
        return {role: str(path) for role, path in paths.items()}


def raw_scores(booster: Any, matrix: Floats, history: dict[str, Any]) -> Floats:
    """Scores of a booster before calibration, shape (rows,)."""
    import xgboost

    columns = served.widened(matrix, history, formulas.probability_of_none)
    scores: Floats = booster.predict(xgboost.DMatrix(columns, nthread=1)).astype("float64")
    return scores


@dataclass(frozen=True)
class Boosting:
    """The learner of a model, with an objective of xgboost such as `binary:logistic`."""

    spec: type[ModelSpec]
    objective: str
    nthread: int
    seed: int
    history: dict[str, Any] = field(default_factory=dict)
    """As in `BoostedTrees`."""

    def fit(self, matrix: Floats, labels: Floats) -> Any:
        """Train a booster on features of shape (rows, features) and labels of shape (rows,)."""
        import xgboost

        params = dict(self.spec.estimator.params)
        rounds = int(params.pop("n_estimators", 200))
        fixed = {
            "objective": self.objective,
            "tree_method": "hist",
            "nthread": self.nthread,
            "seed": self.seed,
            "monotone_constraints": self._directions(),
        }
        columns = served.widened(matrix, self.history, formulas.probability_of_none)
        return xgboost.train(fixed | params, xgboost.DMatrix(columns, labels, nthread=self.nthread), rounds)

    def out_of_fold(self, examples: Examples) -> Floats:
        """Score each entity, shape (rows,), by a booster that did not learn from it."""
        import numpy as np

        scores, folds = np.empty(len(examples.labels), dtype=np.float64), folds_of(examples, FOLDS)
        for fold in range(FOLDS):
            inside = folds == fold
            if inside.any():
                booster = self.fit(examples.matrix[~inside], examples.labels[~inside])
                scores[inside] = raw_scores(booster, examples.matrix[inside], self.history)
        return scores

    def _directions(self) -> str:
        estimator = self.spec.estimator
        signs = {**dict.fromkeys(estimator.rising, 1), **dict.fromkeys(estimator.falling, -1)}
        features = self.spec.features
        directions = [signs.get(feature, 0) for feature in features]
        if self.history:
            # The probability of no purchase: it rises with a label that says that there is none.
            directions = [*(directions[place] for place in self.history["own"]), self._direction_of_none()]
        return f"({','.join(map(str, directions))})"

    def _direction_of_none(self) -> int:
        return 1 if isinstance(self.spec.label, NoneOf) else -1
