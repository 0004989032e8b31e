"""Trains a calibrated model on features as known at past cutoffs."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ml.lifecycle.served import BOOSTER, CALIBRATION, calibrated
from quanyu.errors import ConfigError, QuanyuError
from quanyu.grammar.model_spec import Estimator, ModelSpec

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

FOLDS = 5
SEED = 20111209
LEAST_ROWS = 50


class TooLittleDataError(QuanyuError):
    """There is not enough history to train on yet; a later day may have it."""


@dataclass(frozen=True)
class Trained:
    """A booster, and the points or coefficients that turn its scores into probabilities."""

    features: tuple[str, ...]
    booster: Any
    calibration: dict[str, Any]
    facts: dict[str, Any]

    def predict(self, frame: pd.DataFrame) -> Floats:
        """Return probabilities of the label, shape (rows,); features may be null, and are read as doubles."""
        import xgboost

        matrix = inputs(frame, self.features)
        scores: Floats = calibrated(self.booster.predict(xgboost.DMatrix(matrix, nthread=1)), self.calibration)
        return scores

    def save(self, folder: Path) -> dict[str, str]:
        """Write the model as JSON, without pickles, and return the files by role."""
        paths = {BOOSTER: folder / "booster.json", CALIBRATION: folder / "calibration.json"}
        self.booster.save_model(paths[BOOSTER])
        shape = {**self.calibration, "features": list(self.features)}
        paths[CALIBRATION].write_text(json.dumps(shape), encoding="utf-8")
        return {what: str(path) for what, path in paths.items()}


def train(spec: type[ModelSpec], training: pd.DataFrame, nthread: int = 1, seed: int = SEED) -> Trained:
    """Train on one row per customer and cutoff (customer_id, cutoff, features as doubles, label).

    The order of rows does not matter. TooLittleDataError when there are too few rows or only one outcome.
    """
    frame = training.sort_values(["customer_id", "cutoff"], kind="stable").reset_index(drop=True)
    _check(spec, frame)
    labels = outcomes(frame)
    matrix = inputs(frame, spec.features)
    fit = _Fit(spec.estimator, spec.features, nthread, seed)
    # Out-of-fold scores: a booster is overconfident about its own training customers.
    unseen = _out_of_fold_scores(fit, matrix, labels, _folds(frame["customer_id"]))
    facts = {
        "rows": len(frame),
        "customers": int(frame["customer_id"].nunique()),
        "positives": int(labels.sum()),
        "data": _fingerprint(frame, matrix, labels),
        "cutoffs": sorted({str(cutoff)[:10] for cutoff in frame["cutoff"]}),
    }
    calibration = _calibration(spec.calibration, unseen, labels)
    return Trained(spec.features, fit(matrix, labels), calibration, facts)


def inputs(frame: pd.DataFrame, features: tuple[str, ...]) -> Floats:
    """Return the features in the model's order, shape (rows, features); ConfigError naming those that are absent."""
    if missing := [feature for feature in features if feature not in frame]:
        raise ConfigError(f"The data has no columns {', '.join(missing)}, which are features of the model.")
    matrix: Floats = frame[list(features)].astype("float64").to_numpy()
    return matrix


def outcomes(frame: pd.DataFrame) -> Floats:
    """Return the label as a float array of 0 and 1, shape (rows,)."""
    import numpy as np

    return np.asarray(frame["label"], dtype=np.float64)


@dataclass(frozen=True)
class _Fit:
    estimator: Estimator
    features: tuple[str, ...]
    nthread: int
    seed: int

    def __call__(self, matrix: Floats, labels: Floats) -> Any:
        import xgboost

        params = dict(self.estimator.params)
        rounds = int(params.pop("n_estimators", 200))
        fixed = {
            "objective": "binary:logistic",
            "tree_method": "hist",
            "nthread": self.nthread,
            "seed": self.seed,
            "monotone_constraints": self._directions(),
        }
        return xgboost.train(fixed | params, xgboost.DMatrix(matrix, labels, nthread=self.nthread), rounds)

    def _directions(self) -> str:
        signs = {**dict.fromkeys(self.estimator.rising, 1), **dict.fromkeys(self.estimator.falling, -1)}
        return f"({','.join(str(signs.get(feature, 0)) for feature in self.features)})"


def _check(spec: type[ModelSpec], frame: pd.DataFrame) -> None:
    rows, positives = len(frame), int(frame["label"].sum())
    if rows < LEAST_ROWS:
        raise TooLittleDataError(f"{spec.name}: {rows} rows to train on; at least {LEAST_ROWS} are needed.")
    if min(positives, rows - positives) < FOLDS * 2:
        raise TooLittleDataError(f"{spec.name}: {positives} of {rows} rows have the label; both outcomes are needed.")
    if frame.duplicated(["customer_id", "cutoff"]).any():
        raise ConfigError(f"{spec.name}: a customer appears twice at one cutoff in the training data.")


def _fingerprint(frame: pd.DataFrame, matrix: Floats, labels: Floats) -> str:
    rows = "\n".join(f"{key} {str(cutoff)[:10]}" for key, cutoff in zip(frame.customer_id, frame.cutoff, strict=True))
    return hashlib.sha256(rows.encode() + matrix.tobytes() + labels.tobytes()).hexdigest()[:16]


def _folds(customers: pd.Series[Any]) -> NDArray[np.int64]:
    # By a hash of the id: a customer's fold does not depend on the other customers.
    import numpy as np

    drawn = {key: int(hashlib.sha256(str(key).encode()).hexdigest()[:8], 16) % FOLDS for key in customers.unique()}
    return np.array([drawn[key] for key in customers], dtype=np.int64)


def _out_of_fold_scores(fit: _Fit, matrix: Floats, labels: Floats, folds: NDArray[np.int64]) -> Floats:
    import numpy as np
    import xgboost

    scores = np.empty(len(labels), dtype=np.float64)
    for fold in range(FOLDS):
        inside = folds == fold
        if inside.any():
            scores[inside] = fit(matrix[~inside], labels[~inside]).predict(xgboost.DMatrix(matrix[inside], nthread=1))
    return scores


def _calibration(kind: str, scores: Floats, labels: Floats) -> dict[str, Any]:
    if kind == "isotonic":
        from sklearn.isotonic import IsotonicRegression

        fitted = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(scores, labels)
        return {"kind": kind, "x": fitted.X_thresholds_.tolist(), "y": fitted.y_thresholds_.tolist()}
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    clipped = np.clip(scores, 1e-6, 1 - 1e-6)
    line = LogisticRegression(C=1e6).fit(np.log(clipped / (1 - clipped)).reshape(-1, 1), labels)
    return {"kind": kind, "slope": float(line.coef_[0, 0]), "intercept": float(line.intercept_[0])}
