"""Compares learners of uplift with the response model, on the same held-out rows of random halves of an experiment.

Each learner learns from one half of the customers and ranks the other, again and again with other halves. A figure is
its mean over the halves. Intervals come from drawing customers with replacement: a draw counts each customer equally
often in all halves and for all learners, so that differences are paired and the overlap of the halves is allowed for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ml.uplift.experiment import Experiment, Flags, Floats, Ints
from ml.uplift.learners import Learner, ResponseLearner, uplift_learners
from ml.uplift.qini import UpliftRanking
from ml.uplift.resampling import LEVEL, ConfidenceInterval, draws_of

RESPONSE = "response"
FIRST = 0.3
"""Share of the customers, first in a ranking, whose uplift is told."""


@dataclass(frozen=True)
class Terms:
    """What one outcome is worth, and what one contact costs, in the same currency."""

    margin: float = 1.0
    cost: float = 0.0


@dataclass(frozen=True)
class UpliftEvidence:
    """Figures of an experiment, by learner where they are of a ranking.

    `effect` is the average effect of treatment on the outcome; `net` what treating everybody gains per customer after
    costs. `qini` and `first` (uplift among the first 30 %) are of each ranking. `over_response` is the Qini above that
    of the response model. Intervals of both Qini are wider for learners of uplift, by their number, as the best of
    several is looked at.
    `gains` is what treating those who seem to pay gains per customer, `over_all` how much more than treating everybody.
    """

    terms: Terms
    halves: int
    effect: ConfidenceInterval
    net: ConfidenceInterval
    qini: Mapping[str, ConfidenceInterval]
    first: Mapping[str, ConfidenceInterval]
    over_response: Mapping[str, ConfidenceInterval]
    gains: Mapping[str, ConfidenceInterval]
    over_all: Mapping[str, ConfidenceInterval]

    @property
    def best(self) -> str:
        """The learner of uplift with the highest Qini."""
        return max(self.over_response, key=lambda name: (self.over_response[name].value, name))


@dataclass(frozen=True)
class HeldOut:
    """The rows that were held out in one half: their numbers, and by learner their ranking and who seems to pay."""

    rows: Ints
    rankings: Mapping[str, UpliftRanking]
    pays: Mapping[str, Flags]


def compare(
    experiment: Experiment, base: object, terms: Terms | None = None, halves: int = 10, repeats: int = 200,
    seed: int = 0,
) -> UpliftEvidence:  # fmt: skip
    """Compare the learners of uplift over one estimator with the response model over the same, on random halves."""
    terms = terms or Terms()
    learners = {**uplift_learners(base), RESPONSE: ResponseLearner(base)}
    held_out = [held_out_half(experiment, learners, terms, seed + half) for half in range(halves)]
    return evidence_of(experiment, held_out, terms, repeats, seed, halves)


def evidence_of(
    experiment: Experiment, held_out: list[HeldOut], terms: Terms, repeats: int = 200, seed: int = 0, halves: int = 0
) -> UpliftEvidence:
    """Figures of rankings that have not seen the rows that they rank: those of random halves, or of later campaigns."""
    own = _figures(experiment, held_out, terms, np.ones(len(experiment)))
    draws = [_figures(experiment, held_out, terms, counts) for counts in draws_of(experiment.units, repeats, seed)]
    level = 1 - (1 - LEVEL) / (len(held_out[0].rankings) - 1)

    def intervals(kind: str) -> dict[str, ConfidenceInterval]:
        return {
            name: ConfidenceInterval.of(
                own[kind][name],
                np.array([figures[kind][name] for figures in draws]),
                level if kind in ("qini", "over_response") and name != RESPONSE else LEVEL,
            )
            for name in own[kind]
        }

    whole = intervals("whole")
    kinds = ("qini", "first", "over_response", "gains", "over_all")
    return UpliftEvidence(terms, halves, whole["effect"], whole["net"], *(intervals(kind) for kind in kinds))


def random_half(customers: int, seed: int) -> tuple[Ints, Ints]:
    """Numbers of the customers to learn from and of those held out: half of them each, drawn at random, in order."""
    order = np.random.default_rng(seed).permutation(customers)
    return np.sort(order[: customers // 2]), np.sort(order[customers // 2 :])


def held_out_half(experiment: Experiment, learners: Mapping[str, Learner], terms: Terms, seed: int) -> HeldOut:
    """Learn from half of the customers, and rank the others."""
    units, places = np.unique(experiment.units, return_inverse=True)
    learns = np.isin(places, random_half(len(units), seed)[0])
    learned, rest = np.flatnonzero(learns), np.flatnonzero(~learns)
    train, test = experiment.select(learned), experiment.select(rest)
    scores = {name: learner.fit(train, seed).predict(test.matrix) for name, learner in learners.items()}
    rankings = {name: UpliftRanking(test, expected) for name, expected in scores.items()}
    pays = {name: terms.margin * expected > terms.cost for name, expected in scores.items()}
    return HeldOut(rest, rankings, pays)


def _figures(
    experiment: Experiment, held_out: list[HeldOut], terms: Terms, draws: Floats
) -> dict[str, dict[str, float]]:
    """All figures by kind and name, means over the halves. `draws` says how often each row counts, shape (rows,)."""
    effects = experiment.pseudo_effects
    net = terms.margin * effects - terms.cost
    names = list(held_out[0].rankings)
    counts = [draws[half.rows] for half in held_out]
    pairs = list(zip(held_out, counts, strict=True))
    qini = {name: _mean(half.rankings[name].qini(count) for half, count in pairs) for name in names}
    first = {name: _mean(half.rankings[name].uplift_at(FIRST, count) for half, count in pairs) for name in names}
    gains = {
        name: _mean(np.average(half.pays[name] * net[half.rows], weights=count) for half, count in pairs)
        for name in names
    }
    everybody = _mean(np.average(net[half.rows], weights=count) for half, count in pairs)
    return {
        "whole": {"effect": float(np.average(effects, weights=draws)), "net": float(np.average(net, weights=draws))},
        "qini": qini,
        "first": first,
        "over_response": {name: qini[name] - qini[RESPONSE] for name in names if name != RESPONSE},
        "gains": gains,
        "over_all": {name: gain - everybody for name, gain in gains.items()},
    }


def _mean(values: object) -> float:
    return float(np.mean(list(values)))  # type: ignore[call-overload]
