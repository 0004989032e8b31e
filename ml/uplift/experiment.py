"""A randomised experiment with two arms: who was treated, with which probability, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quanyu.errors import ConfigError

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Experiment:
    """Rows of a campaign. ConfigError where nothing can be learned from them.

    `matrix` has shape (rows, features), with nan for null; the others have shape (rows,). `probability` is that with
    which the row was treated, strictly between 0 and 1. `customers` are numbers from 0; rows of one customer stay
    together wherever rows are drawn. Without them each row is a customer.
    """

    matrix: Floats
    treated: Flags
    outcome: Floats
    probability: Floats
    customers: Ints | None = None

    def __post_init__(self) -> None:
        if not len(self.treated) or self.treated.all() or not self.treated.any():
            raise ConfigError(f"An experiment needs rows of both arms; {self.treated.sum()} of {len(self.treated)} are"
                              " treated.")  # fmt: skip
        if not (np.isfinite(self.probability) & (self.probability > 0) & (self.probability < 1)).all():
            raise ConfigError("The probability of treatment of each row must lie between 0 and 1, both excluded.")
        if not np.isfinite(self.outcome).all():
            raise ConfigError("Each row of an experiment needs an outcome that is a finite number.")

    def __len__(self) -> int:
        return len(self.treated)

    @property
    def units(self) -> Ints:
        """What is drawn at random: the number of each row's customer, shape (rows,)."""
        return np.arange(len(self)) if self.customers is None else self.customers

    @property
    def weights(self) -> Floats:
        """Stabilised inverse probability of each row's arm, shape (rows,): 1 where the probability is the same for all.

        Robins, Hernán and Brumback (2000), Marginal structural models and causal inference in epidemiology.
        """
        mean = self.probability.mean()
        weights: Floats = np.where(self.treated, mean / self.probability, (1 - mean) / (1 - self.probability))
        return weights

    @property
    def pseudo_effects(self) -> Floats:
        """A number per row, shape (rows,), whose mean over any group is an unbiased estimate of the group's effect.

        The outcome's distance from its mean, by the inverse probability of the arm, signed by the arm. The weights of
        each arm add up to all rows, so that the mean over all of them is the difference of the arms' weighted means.
        Athey and Imbens (2016), Recursive partitioning for heterogeneous causal effects.
        """
        distance = self.outcome - np.average(self.outcome, weights=self.weights)
        inverse = np.where(self.treated, 1 / self.probability, -1 / (1 - self.probability))
        sums = [abs(inverse[rows].sum()) for rows in (self.treated, ~self.treated)]
        effects: Floats = distance * inverse * len(self) / np.where(self.treated, *sums)
        return effects

    def select(self, rows: NDArray[Any]) -> Experiment:
        """Return some of the rows, by number or by flag."""
        customers = None if self.customers is None else self.customers[rows]
        return Experiment(self.matrix[rows], self.treated[rows], self.outcome[rows], self.probability[rows], customers)
