"""Expansion of a seed: who of all others is most like its members, and which seed is worth expanding.

`propensity` learns members against the rest, as if the rest were none: Elkan and Noto (2008) show that the order is
that of the true probability where members are a random part of those like them. `neighbours` is the mean cosine of
standardised features with the nearest members. Lift of a seed is measured: a hidden half of its members is left out,
and counted again among the customers that the other half finds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from ml.lifecycle.train import TooLittleDataError
from quanyu.errors import ConfigError

if TYPE_CHECKING:
    from quanyu.grammar.task import Floats

Bools = NDArray[np.bool_]
LEAST_SEED = 100
NEAREST, ROWS_AT_ONCE, MOST_MEMBERS = 10, 2_000, 2_000
LEVEL = 0.95


class Similarity(Protocol):
    """How like the members of a seed each customer is: from features and membership of shape (customers,)."""

    def __call__(self, matrix: Floats, seed: Bools, random_state: int) -> Floats:
        """Return a score of shape (customers,), the greater the more alike."""


def propensity(matrix: Floats, seed: Bools, random_state: int) -> Floats:
    """Score by boosted trees that learned members against the rest, each customer by trees that did not learn him.

    `matrix` has shape (customers, features), with nan for null. TooLittleDataError where the
    seed has fewer than five members.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    folds = StratifiedKFold(5, shuffle=True, random_state=random_state)
    _check_size(int(seed.sum()), 5)
    # As many rounds on each fold whatever it holds, so that scores of folds are of one scale.
    trees = HistGradientBoostingClassifier(
        max_iter=60, learning_rate=0.1, max_leaf_nodes=15, min_samples_leaf=30, random_state=random_state
    )
    chances = cross_val_predict(trees, matrix, seed, cv=folds, method="predict_proba")[:, 1]
    scores: Floats = np.asarray(chances, dtype=np.float64)
    return scores


def neighbours(matrix: Floats, seed: Bools, random_state: int) -> Floats:
    """Score by the mean cosine with the ten nearest members other than the customer himself, moved into 0 to 1.

    Features are standardised; a null counts as the mean. Of ten members or fewer all count but one; of more than 2,000
    so many are drawn. TooLittleDataError where the seed has one member or none.
    """
    members = np.flatnonzero(seed)
    _check_size(len(members), 2)
    if len(members) > MOST_MEMBERS:
        members = np.sort(np.random.default_rng(random_state).choice(members, MOST_MEMBERS, replace=False))
    # Half the size of doubles: most of the time goes into moving cosines, and seven digits order customers.
    unit = _unit_rows(matrix).astype(np.float32)
    place = np.full(len(matrix), -1)
    place[members] = np.arange(len(members))
    nearest, scores = min(NEAREST, len(members) - 1), np.empty(len(matrix))
    for start in range(0, len(matrix), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        cosines = unit[rows] @ unit[members].T
        own = np.flatnonzero(place[rows] >= 0)
        cosines[own, place[rows][own]] = -np.inf
        scores[rows] = (1 + np.partition(cosines, -nearest, axis=1)[:, -nearest:].mean(axis=1)) / 2
    return scores


@dataclass(frozen=True)
class SeedLift:
    """The share of hidden members that an expansion found, over the share found by chance, with its interval.

    `members` is the size of the whole seed, `size` how many customers the expansion held.
    """

    name: str
    members: int
    size: int
    lift: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.name}: {self.members} members, lift {self.lift:.2f} [{self.low:.2f}, {self.high:.2f}]"


@dataclass(frozen=True)
class SeedChoice:
    """The lifts of all seeds, and the one to expand: empty where none is surely better than chance."""

    lifts: tuple[SeedLift, ...]
    too_small: tuple[str, ...]
    chosen: str


def seed_lift(
    name: str,
    matrix: Floats,
    seed: Bools,
    size: int,
    similarity: Similarity = propensity,
    random_state: int = 0,
    level: float = LEVEL,
    values: Floats | None = None,
) -> SeedLift:
    """Expand a random half of a seed to `size` others, and count members of the other half among them.

    The expansion is by `values` too, as in `expand`, where they weigh whom an audience takes.

    The expansion is drawn from all who are not of the first half. The interval is exact (Clopper and Pearson, 1934),
    of this half: unlike a bootstrap it is not a point where all hidden members are found, or none. ConfigError where
    `size` is not within those left; TooLittleDataError where the seed has fewer than four members.
    """
    from scipy.stats import beta

    members = np.flatnonzero(seed)
    _check_size(len(members), 4)
    known = np.zeros(len(seed), dtype=bool)
    known[np.random.default_rng(random_state).permutation(members)[: len(members) // 2]] = True
    others = len(seed) - int(known.sum())
    if not 0 < size <= others:
        raise ConfigError(f"An expansion of {size} is asked for, and {others} customers are left.")
    alike = expand(similarity(matrix, known, random_state), known, size, values)
    hidden, by_chance = len(members) - len(members) // 2, size / others
    hits, tail = int(seed[alike].sum()), (1 - level) / 2
    low = beta.ppf(tail, hits, hidden - hits + 1) if hits else 0.0
    high = beta.ppf(1 - tail, hits + 1, hidden - hits) if hits < hidden else 1.0
    lift, low, high = (float(share / by_chance) for share in (hits / hidden, low, high))
    return SeedLift(name, len(members), size, lift, low, high)


def expand(scores: Floats, seed: Bools, size: int, values: Floats | None = None) -> NDArray[np.int64]:
    """Return places of the `size` customers outside the seed with the greatest scores; of equal ones the first.

    `values`, of shape (customers,), weighs scores by what a customer is worth; both must not be negative.
    """
    worth = scores if values is None else scores * values
    order = np.argsort(-worth, kind="stable")
    return order[~seed[order]][:size]


def choose_seed(
    seeds: Mapping[str, Bools],
    matrix: Floats,
    size: int,
    similarity: Similarity = propensity,
    least: int = LEAST_SEED,
    random_state: int = 0,
    values: Floats | None = None,
) -> SeedChoice:
    """Measure the lift of each definition of a seed, and choose the one whose lower bound is greatest.

    Seeds of fewer than `least` members are not measured. None is chosen where no lower bound is above 1. Intervals
    hold for all seeds together at 95 % (Bonferroni), so that one of many is not chosen by luck. `values` are
    as in `expand`.
    """
    large = {name: seed for name, seed in seeds.items() if seed.sum() >= least}
    level = 1 - (1 - LEVEL) / max(len(large), 1)
    lifts = tuple(
        seed_lift(name, matrix, seed, size, similarity, random_state, level, values) for name, seed in large.items()
    )
    best = max(lifts, key=lambda lift: lift.low, default=None)
    chosen = best.name if best is not None and best.low > 1 else ""
    return SeedChoice(lifts, tuple(name for name in seeds if name not in large), chosen)


def _unit_rows(matrix: Floats) -> Floats:
    # A feature without any value says nothing, and its mean would be a warning.
    known = np.isfinite(matrix)
    counts = np.maximum(known.sum(axis=0), 1)
    means = np.where(known, matrix, 0.0).sum(axis=0) / counts
    centred = np.where(known, matrix - means, 0.0)
    spread = np.sqrt((centred**2).sum(axis=0) / counts)
    standard = centred / np.where(spread > 0, spread, 1.0)
    lengths = np.linalg.norm(standard, axis=1, keepdims=True)
    unit: Floats = standard / np.where(lengths > 0, lengths, 1.0)
    return unit


def _check_size(members: int, least: int) -> None:
    if members < least:
        raise TooLittleDataError(f"The seed has {members} members; at least {least} are needed.")
