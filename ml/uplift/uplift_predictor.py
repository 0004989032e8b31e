"""A learner of uplift and the response model beside it, as numbers that are stored without pickles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ml.lifecycle.serving import served_code
from ml.lifecycle.serving.served_function import ServedFunction
from ml.uplift import formulas
from ml.uplift.learners import ResponseLearner, boosted_trees, linear, uplift_learners

if TYPE_CHECKING:
    from ml.uplift.experiment import Experiment, Floats

# Base estimators, each with the parameters that a model may set.
BASES: Mapping[str, tuple[str, ...]] = {
    "linear": ("C",),
    "boosted_trees": ("n_estimators", "max_depth", "learning_rate", "min_child_weight", "subsample", "reg_lambda"),
}
LINEAR = "linear"


def base_of(params: Mapping[str, Any]) -> Any:
    """The estimator that `base` names, with the other parameters set."""
    others = {name: value for name, value in params.items() if name != "base"}
    if params.get("base", LINEAR) == LINEAR:
        return linear().set_params(**{f"logisticregression__{name}": value for name, value in others.items()})
    return boosted_trees().set_params(**others)


@dataclass(frozen=True)
class UpliftPredictor:
    """The features in their order, and what `formulas` needs to foretell from them."""

    features: tuple[str, ...]
    parameters: dict[str, Any]
    serving = Path(served_code.__file__)

    @property
    def requirements(self) -> tuple[str, ...]:
        """Packages that the formulas import."""
        trees = any(model["kind"] == "trees" for model in self.parameters["models"].values())
        return ("pandas", "numpy", *(("xgboost",) if trees else ()))

    @classmethod
    def fit(cls, features: tuple[str, ...], kind: str, base: Any, experiment: Experiment, seed: int) -> UpliftPredictor:
        """Train a learner of uplift, and the response model over the same estimator, on the rows of an experiment."""
        scorer, response = (
            learner.fit(experiment, seed) for learner in (uplift_learners(base)[kind], ResponseLearner(base))
        )
        models = {name: _plain(model) for name, model in vars(scorer).items()}
        models["response"] = _plain(vars(response)["model"])
        return cls(features, {"learner": kind, "models": models})

    def predict(self, matrix: Floats) -> Floats:
        """Return uplift and response, shape (rows, 2), for features of shape (rows, features)."""
        scores: Floats = formulas.foretell(self.parameters, *matrix.T)
        return scores

    def save(self, folder: Path) -> dict[str, str]:
        """Write the parameters as JSON, and return them and the formulas by role."""
        served = ServedFunction(formulas, formulas.foretell, self.features, formulas.COLUMNS)
        return served.save(folder, self.parameters)


def _plain(model: Any) -> dict[str, Any]:
    """An estimator that was trained, as plain values. An arm of one outcome only has a constant."""
    if hasattr(model, "get_booster"):
        return {"kind": "trees", "booster": model.get_booster().save_raw("json").decode()}
    if not hasattr(model, "steps"):
        return {"kind": "constant", "probability": float(model.classes_[0])}
    imputer, scaler, logistic = (step for _, step in model.steps)
    return {
        "kind": "logistic",
        "medians": np.nan_to_num(imputer.statistics_).tolist(),
        "flagged": imputer.indicator_.features_.tolist(),
        "means": scaler.mean_.tolist(),
        "scales": scaler.scale_.tolist(),
        "coefficients": logistic.coef_[0].tolist(),
        "intercept": float(logistic.intercept_[0]),
    }
