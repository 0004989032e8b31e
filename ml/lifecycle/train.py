"""Trains a model on features as known at past cutoffs."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any

from quanyu.errors import ConfigError, QuanyuError
from quanyu.grammar.model_spec import ModelSpec
from quanyu.grammar.offers.assignments import OF_DRAW
from quanyu.grammar.task import Examples, Predictor

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from quanyu.grammar.task import Floats

SEED = 20111209
LEAST_ROWS = 50
# Learners hold features as 4-byte floats.
LARGEST = 3e38
SEARCHED_OUT = 5


class TooLittleDataError(QuanyuError):
    """There is not enough history to train on yet; a later day may have it."""


@dataclass(frozen=True)
class Trained:
    """A trained learner, its features in their order, and figures of what it learned from."""

    features: tuple[str, ...]
    predictor: Predictor
    facts: dict[str, Any]

    def predict(self, frame: pd.DataFrame) -> Floats:
        """Return a prediction per row: shape (rows,), or (rows, columns of the task). Features may be null."""
        return self.predictor.predict(inputs(frame, self.features))


def train(spec: type[ModelSpec], training: pd.DataFrame, nthread: int = 1, seed: int = SEED) -> Trained:
    """Train on one row per entity and cutoff (the entity's key, cutoff, features as doubles, label).

    The order of rows does not matter. TooLittleDataError when there are too few rows, a feature has no value, or the
    task finds too few labels; ConfigError for an infinite or huge value.
    """
    examples = examples_of(spec, training)
    _check(spec, training, examples)
    trials = _searched(spec, examples, nthread, seed)
    params = min(trials, key=lambda trial: trial["loss"])["params"] if trials else dict(spec.estimator.params)
    facts = {
        "rows": len(examples.labels),
        spec.entity.plural(2): int(examples.keys.nunique()),
        **spec.task.facts(spec, training),
        "data": _fingerprint(examples),
        "cutoffs": sorted({str(cutoff)[:10] for cutoff in examples.cutoffs}),
        "seed": seed,
        "params": params,
        "search": trials,
    }
    chosen = spec.with_estimator(replace(spec.estimator, params=params)) if trials else spec
    predictor = spec.task.fit(chosen, examples, nthread, seed)
    return Trained(spec.features, predictor, facts | spec.task.learned(predictor))


def examples_of(spec: type[ModelSpec], training: pd.DataFrame) -> Examples:
    """Rows of a training set in an order of their own, as a learner takes them."""
    import pandas as pd

    key = spec.entity.key
    frame = training.sort_values(_names_of_row(spec), kind="stable").reset_index(drop=True)
    draws = frame.filter(items=OF_DRAW) if spec.experiment else None
    return Examples(inputs(frame, spec.features), outcomes(frame), frame[key], pd.to_datetime(frame["cutoff"]), draws)


def _names_of_row(spec: type[ModelSpec]) -> list[str]:
    """Columns that a row is known by."""
    return [spec.entity.key, "cutoff", *(["campaign"] if spec.experiment else [])]


def inputs(frame: pd.DataFrame, features: tuple[str, ...]) -> Floats:
    """Return the features in the model's order, shape (rows, features); ConfigError naming absent or infinite ones."""
    import numpy as np

    if missing := [feature for feature in features if feature not in frame]:
        raise ConfigError(f"The data has no columns {', '.join(missing)}, which are features of the model.")
    matrix: Floats = frame[list(features)].astype("float64").to_numpy()
    if (huge := too_large(matrix)).any():
        names = ", ".join(features[place] for place in np.flatnonzero(huge.any(axis=0)))
        raise ConfigError(f"{names}: a value is infinite or too large to learn from; bound it where it is declared.")
    return matrix


def too_large(matrix: Floats) -> NDArray[np.bool_]:
    """Values that no learner can take, such as infinite ones, of the shape of the matrix; a null is none."""
    import numpy as np

    huge: NDArray[np.bool_] = np.abs(matrix) > LARGEST
    return huge


def outcomes(frame: pd.DataFrame) -> Floats:
    """Return the label as a float array, shape (rows,)."""
    labels: Floats = frame["label"].to_numpy("float64")
    return labels


def known_on_newest(spec: type[ModelSpec], examples: Examples) -> NDArray[np.bool_]:
    """Rows of cutoffs whose outcome was known on the newest cutoff: shape (rows,)."""
    import pandas as pd

    ends = examples.cutoffs + pd.Timedelta(days=spec.label.horizon_days)
    known: NDArray[np.bool_] = (ends <= examples.cutoffs.max()).to_numpy()
    return known


def folds_of(examples: Examples, number: int) -> NDArray[np.int64]:
    """Fold of each row, shape (rows,), by a hash of the key: it does not depend on the other entities."""
    return examples.keys.map(lambda key: int(hashlib.sha256(str(key).encode()).hexdigest()[:8], 16) % number).to_numpy()


def _searched(spec: type[ModelSpec], examples: Examples, nthread: int, seed: int) -> list[dict[str, Any]]:
    """Loss of each combination of the declared values, with all parameters; empty if there is none to choose.

    They learn from cutoffs whose outcome was known on the newest training cutoff and foretell that one; with too
    short a history, they foretell one of SEARCHED_OUT folds of entities.
    """
    search = spec.estimator.search
    if not search:
        return []
    inside = known_on_newest(spec, examples)
    outside = (examples.cutoffs == examples.cutoffs.max()).to_numpy()
    if spec.task.shortage(examples.labels[inside]) or spec.task.shortage(examples.labels[outside]):
        outside = folds_of(examples, SEARCHED_OUT) == 0
        inside = ~outside
    past, later = examples.where(inside), examples.where(outside)
    trials = []
    for values in product(*search.values()):
        params = {**spec.estimator.params, **dict(zip(search, values, strict=True))}
        tried = spec.with_estimator(replace(spec.estimator, params=params))
        predictions = spec.task.fit(tried, past, nthread, seed).predict(later.matrix)
        trials.append({"params": params, "loss": spec.task.loss(predictions, later.labels)})
    return trials


def _check(spec: type[ModelSpec], frame: pd.DataFrame, examples: Examples) -> None:
    import numpy as np

    if len(frame) < LEAST_ROWS:
        raise TooLittleDataError(f"{spec.name}: {len(frame)} rows to train on; at least {LEAST_ROWS} are needed.")
    if shortage := spec.task.shortage(examples.labels):
        raise TooLittleDataError(f"{spec.name}: {shortage}")
    empty = np.flatnonzero(np.isnan(examples.matrix).all(axis=0))
    if len(empty):
        names = ", ".join(spec.features[place] for place in empty)
        raise TooLittleDataError(f"{spec.name}: {names}: no row has a value; leave it out until there are some.")
    if frame.duplicated(_names_of_row(spec)).any():
        raise ConfigError(f"{spec.name}: a {spec.entity.plural(1)} appears twice at one cutoff in the training data.")


def _fingerprint(examples: Examples) -> str:
    pairs = zip(examples.keys, examples.cutoffs, strict=True)
    rows = "\n".join(f"{key} {str(cutoff)[:10]}" for key, cutoff in pairs)
    return hashlib.sha256(rows.encode() + examples.matrix.tobytes() + examples.labels.tobytes()).hexdigest()[:16]
