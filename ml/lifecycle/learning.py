"""One training from frame to evaluation, as a run makes it and as it is reproduced from its pins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from ml.lifecycle import dataset
from ml.lifecycle.evaluate import Evaluation, evaluate
from ml.lifecycle.train import Trained, train
from quanyu.grammar.model_spec import ModelSpec
from quanyu.run.runner import Context

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Learned:
    """A trained model, its evaluation on the test cutoff, and the rows that it learned from."""

    trained: Trained
    evaluation: Evaluation
    training: pd.DataFrame


def learn(context: Context, spec: type[ModelSpec], cutoffs: Sequence[date], test_cutoff: date) -> Learned:
    """Train on some cutoffs and evaluate on a later one. Raises TooLittleDataError."""
    frame = dataset.labelled(context, spec, *cutoffs, test_cutoff)
    is_test = frame["cutoff"] == test_cutoff
    test, training = frame[is_test].reset_index(drop=True), frame[~is_test].reset_index(drop=True)
    trained = train(spec, training, nthread=context.settings.spark.cores)
    return Learned(trained, evaluate(spec, trained, test), training)
