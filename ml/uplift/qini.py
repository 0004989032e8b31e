"""Qini curve and coefficient, and the uplift among the first customers of a ranking, with bootstrap intervals.

The curve is that of Radcliffe (2007), Using control groups to target on predicted lift. The coefficient is that of
scikit-uplift's `qini_auc_score`: the area between curve and diagonal, by that of a perfect ranking, which has the
treated with the outcome first and the controls with it last. Outcomes are 0 or 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ml.uplift.experiment import Experiment, Floats, Ints
from ml.uplift.resampling import ConfidenceInterval, resampled
from quanyu.errors import ConfigError


@dataclass(frozen=True)
class UpliftRanking:
    """An experiment in the order of a score, highest first. Rows with the same score count together.

    The order is found once, so that a bootstrap draw, which only changes the weights of rows, costs four running sums.
    """

    experiment: Experiment
    scores: Floats

    def __post_init__(self) -> None:
        if not np.isin(self.experiment.outcome, (0, 1)).all():
            raise ConfigError("A Qini curve needs outcomes of 0 or 1; for other numbers, estimate the value of a plan.")
        if not np.isfinite(self.scores).all():
            raise ConfigError("A ranking needs a finite score for each row.")

    @cached_property
    def _order(self) -> Ints:
        return np.argsort(-self.scores, kind="stable")

    @cached_property
    def _ends(self) -> Ints:
        """Place of the last row of each score."""
        ordered = self.scores[self._order]
        return np.append(np.flatnonzero(np.diff(ordered)), len(ordered) - 1)

    @cached_property
    def _shares(self) -> Floats:
        """Four weighted columns, shape (4, rows): the treated, those with the outcome, and of the controls the same."""
        treated = self.experiment.treated[self._order].astype(np.float64)
        outcome = self.experiment.outcome[self._order]
        columns = np.stack([treated, treated * outcome, 1 - treated, (1 - treated) * outcome])
        return np.asarray(columns * self.experiment.weights[self._order])

    def _sums(self, draws: Floats | None) -> Floats:
        """Running sums of the four columns at the end of each score, from 0: shape (4, scores + 1)."""
        shares = self._shares if draws is None else self._shares * draws[self._order]
        sums = np.cumsum(shares, axis=1)[:, self._ends]
        return np.concatenate([np.zeros((4, 1)), sums], axis=1)

    def curve(self, draws: Floats | None = None) -> tuple[Floats, Floats]:
        """Rows so far, and outcomes gained by treating them, at the end of each score: two of shape (scores + 1,).

        `draws` says how often each row counts, shape (rows,).
        """
        return _curve(self._sums(draws))

    def qini(self, draws: Floats | None = None) -> float:
        """The Qini coefficient: 0 for a random order, 1 for a perfect one; nan where no row has the outcome."""
        sums = self._sums(draws)
        rows, gains = _curve(sums)
        treated, treated_outcomes, controls, control_outcomes = sums[:, -1]
        diagonal = rows[-1] * gains[-1] / 2
        best_rows = np.array([0, treated_outcomes, treated + controls - control_outcomes, rows[-1]])
        best = np.trapezoid(np.array([0, treated_outcomes, treated_outcomes, gains[-1]]), best_rows) - diagonal
        return float((np.trapezoid(gains, rows) - diagonal) / best) if best > 0 else float("nan")

    def uplift_at(self, share: float, draws: Floats | None = None) -> float:
        """Share of outcomes of the treated, less that of the controls, among the first `share` of rows.

        Of the score at the edge the part that fits counts, so that the order of its rows does not matter. nan where
        an arm has no row there.
        """
        sums = self._sums(draws)
        rows = sums[0] + sums[2]
        treated, treated_outcomes, controls, control_outcomes = (
            np.interp(share * rows[-1], rows, column) for column in sums
        )
        if treated <= 0 or controls <= 0:
            return float("nan")
        return float(treated_outcomes / treated - control_outcomes / controls)


def qini_interval(ranking: UpliftRanking, repeats: int = 200, seed: int = 0) -> ConfidenceInterval:
    """The Qini coefficient with its bootstrap interval, by customer."""
    return resampled(ranking.qini, ranking.experiment.units, repeats, seed)


def uplift_interval(ranking: UpliftRanking, share: float, repeats: int = 200, seed: int = 0) -> ConfidenceInterval:
    """The uplift among the first `share` of rows with its bootstrap interval, by customer."""
    return resampled(lambda draws: ranking.uplift_at(share, draws), ranking.experiment.units, repeats, seed)


def _curve(sums: Floats) -> tuple[Floats, Floats]:
    treated, treated_outcomes, controls, control_outcomes = sums
    scale = np.divide(treated, controls, out=np.zeros_like(treated), where=controls > 0)
    return treated + controls, treated_outcomes - control_outcomes * scale
