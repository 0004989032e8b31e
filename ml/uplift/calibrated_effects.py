"""Effects of the arms of a campaign on each customer, held back to what held-out rows bear out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ml.uplift.experiment import Floats
from ml.uplift.policy_value import ArmsExperiment, OutcomeByArm, doubly_robust


@dataclass(frozen=True)
class CalibratedEffects:
    """Expected effects of arms, whose differences between customers count as far as held-out rows bear them out.

    Those who differ least by truth differ most by chance: a plan that takes the highest of several noisy numbers is
    worse than the best arm for all. The slope, between 0 and 1, is that of doubly robust effects over foretold ones,
    out of fold; 0 leaves the average effect of each arm. Chernozhukov et al. (2018), Generic machine learning inference
    on heterogeneous treatment effects.
    """

    models: OutcomeByArm
    averages: Floats
    centres: Floats
    slopes: Floats

    @classmethod
    def fit(cls, base: Any, experiment: ArmsExperiment, seed: int, folds: int = 5) -> CalibratedEffects:
        """Train on all rows; averages, centres and slopes, shape (arms,), come from rows held out in turn."""
        foretold = _out_of_fold(base, experiment, seed, folds)
        outcomes = doubly_robust(experiment, foretold)
        effects, expected_effects = (values - values[:, [0]] for values in (outcomes, foretold))
        possible = np.isfinite(effects)
        effects = np.where(possible, effects, 0)
        counts = possible.sum(axis=0)
        averages = effects.sum(axis=0) / counts
        centres = (expected_effects * possible).sum(axis=0) / counts
        spread = (expected_effects - centres) * possible
        variance = (spread**2).sum(axis=0)
        slopes = np.divide((spread * (effects - averages)).sum(axis=0), variance, out=np.zeros(len(counts)),
                           where=variance > 0)  # fmt: skip
        return cls(OutcomeByArm.fit(base, experiment, seed), averages, centres, np.clip(slopes, 0, 1))

    def predict(self, matrix: Floats) -> Floats:
        """Return the expected effect of each arm on each row, 0 for the control: shape (rows, arms)."""
        outcomes = self.models.predict(matrix)
        return np.asarray(self.averages + self.slopes * (outcomes - outcomes[:, [0]] - self.centres))


def _out_of_fold(base: Any, experiment: ArmsExperiment, seed: int, folds: int) -> Floats:
    """Expected outcomes by models that have not seen the row's customer: shape (rows, arms)."""
    foretold = np.empty(experiment.probability.shape)
    units, places = np.unique(experiment.customers, return_inverse=True)
    fold_of = np.random.default_rng(seed).permutation(len(units))[places] % folds
    for fold in range(folds):
        inside = np.flatnonzero(fold_of == fold)
        models = OutcomeByArm.fit(base, experiment.select(np.flatnonzero(fold_of != fold)), seed)
        foretold[inside] = models.predict(experiment.matrix[inside])
    return foretold
