"""Trains a model on features as known at past cutoffs."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from quanyu.errors import ConfigError, QuanyuError
from quanyu.grammar.model_spec import ModelSpec
from quanyu.grammar.task import Examples, Predictor

if TYPE_CHECKING:
    import pandas as pd

    from quanyu.grammar.task import Floats

SEED = 20111209
LEAST_ROWS = 50


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

    The order of rows does not matter. TooLittleDataError when there are too few rows, or the task finds too few labels.
    """
    key = spec.entity.key
    frame = training.sort_values([key, "cutoff"], kind="stable").reset_index(drop=True)
    examples = Examples(inputs(frame, spec.features), outcomes(frame), frame[key])
    _check(spec, frame, examples)
    facts = {
        "rows": len(frame),
        spec.entity.plural(2): int(frame[key].nunique()),
        **spec.task.facts(examples.labels),
        "data": _fingerprint(frame["cutoff"], examples),
        "cutoffs": sorted({str(cutoff)[:10] for cutoff in frame["cutoff"]}),
    }
    return Trained(spec.features, spec.task.fit(spec, examples, nthread, seed), facts)


def inputs(frame: pd.DataFrame, features: tuple[str, ...]) -> Floats:
    """Return the features in the model's order, shape (rows, features); ConfigError naming those that are absent."""
    if missing := [feature for feature in features if feature not in frame]:
        raise ConfigError(f"The data has no columns {', '.join(missing)}, which are features of the model.")
    matrix: Floats = frame[list(features)].astype("float64").to_numpy()
    return matrix


def outcomes(frame: pd.DataFrame) -> Floats:
    """Return the label as a float array, shape (rows,)."""
    labels: Floats = frame["label"].to_numpy("float64")
    return labels


def _check(spec: type[ModelSpec], frame: pd.DataFrame, examples: Examples) -> None:
    if len(frame) < LEAST_ROWS:
        raise TooLittleDataError(f"{spec.name}: {len(frame)} rows to train on; at least {LEAST_ROWS} are needed.")
    if shortage := spec.task.shortage(examples.labels):
        raise TooLittleDataError(f"{spec.name}: {shortage}")
    if frame.duplicated([spec.entity.key, "cutoff"]).any():
        raise ConfigError(f"{spec.name}: a {spec.entity.plural(1)} appears twice at one cutoff in the training data.")


def _fingerprint(cutoffs: pd.Series[Any], examples: Examples) -> str:
    rows = "\n".join(f"{key} {str(cutoff)[:10]}" for key, cutoff in zip(examples.keys, cutoffs, strict=True))
    return hashlib.sha256(rows.encode() + examples.matrix.tobytes() + examples.labels.tobytes()).hexdigest()[:16]
