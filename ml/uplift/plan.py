"""The best arm for each customer under a budget, caps and stock, with some exploration.

Prices of what is scarce (Lagrange multipliers) are found by cutting planes (Kelley 1960): the dual problem has one
variable for each limit, whatever the number of customers. Each customer then gets the arm that gains most after
prices; where that is more than a limit allows, those who gain most come first, and what is left over is given in the
same order. The dual value bounds what any plan can gain, so that each plan says how far from the best it can be at
most. Nothing depends on the order of rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ml.uplift.experiment import Flags, Floats, Ints
from quanyu.errors import ConfigError

CUTS = 200
CLOSE = 1e-7
HASH_KEYS = ("explores", "which arm", "tie-breaker", "accepts")


@dataclass(frozen=True)
class Limits:
    """What a plan may use at most: a row for each limit, such as a budget, a cap of an arm, or the stock of an item.

    `uses` has shape (limits, arms): what an arm uses for one customer, at least 0, and 0 for the control. `most` has
    shape (limits,).
    """

    names: tuple[str, ...]
    uses: Floats
    most: Floats

    def used(self, arms: Ints) -> Floats:
        """What customers with these arms use, shape (limits,)."""
        return np.asarray(self.uses @ np.bincount(arms, minlength=self.uses.shape[1]))

    def room(self, used: Floats) -> Flags:
        """Whether one more customer fits, beside what is used of each limit: shape (limits,)."""
        least = np.where(self.uses > 0, self.uses, np.inf).min(axis=1, initial=np.inf)
        return np.asarray(used + least <= self.most)


@dataclass(frozen=True)
class ArmPlan:
    """The arm of each customer, the probabilities with which he got each arm, and whether his was drawn to explore.

    `arm` and `explored` have shape (rows,), `chances` (rows, arms): 0 for what he could not get. `gain` is what the
    plan without exploration is expected to gain, `bound` what no plan can exceed, both in the unit of the gains and
    over all customers.
    """

    arm: Ints
    chances: Floats
    explored: Flags
    best: Ints
    gain: float
    bound: float

    @property
    def probability(self) -> Floats:
        """Probability with which each customer got his arm, shape (rows,)."""
        return np.asarray(self.chances[np.arange(len(self.arm)), self.arm])


def best_plan(
    gains: Floats, limits: Limits, keys: pd.Series[Any], eligible: Flags | None = None, explore: float = 0.0,
    seed: int = 0, accepted: Floats | None = None,
) -> ArmPlan:  # fmt: skip
    """Plan the arm of each customer from what each arm gains over the control: shape (rows, arms), the control first.

    `keys` name the customers; `eligible`, shape (rows, arms), says which arms they may get. A share `explore` of them
    gets any of these arms at random; `accepted`, shape (arms,), is the chance with which an arm that was drawn so is
    given, and not the best one, as where it is scarce. ConfigError if exploration alone needs more than a limit allows.
    """
    rows, arms = gains.shape
    allowed = np.ones((rows, arms), dtype=bool) if eligible is None else eligible.copy()
    allowed[:, 0] = True
    draws = [_uniform(keys, f"{seed} {purpose}") for purpose in HASH_KEYS]
    drawn, chance = _any_of(allowed, draws[1]), np.ones(arms) if accepted is None else accepted
    explored = (draws[0] < explore) & (draws[3] < chance[drawn])
    left = limits.most - limits.used(drawn[explored])
    if (left < 0).any():
        short = ", ".join(name for name, rest in zip(limits.names, left, strict=True) if rest < 0)
        raise ConfigError(f"Exploration alone needs more than the limit of {short}: explore less, or raise it.")
    order = np.argsort(draws[2], kind="stable")
    possible = np.where(allowed, gains, -np.inf)[order]
    rest = Limits(limits.names, limits.uses, left)
    prices, bound = _prices(possible, rest)
    best = np.empty(rows, dtype=np.int64)
    best[order] = _filled(possible, rest, prices)
    chosen = np.where(explored, drawn, best)
    each = explore / allowed.sum(axis=1)
    is_best = best[:, None] == np.arange(arms)
    chances = each[:, None] * allowed * chance + (1 - each * (allowed @ chance))[:, None] * is_best
    return ArmPlan(chosen, chances, explored, best, float(gains[np.arange(rows), best].sum()), bound)


def _prices(gains: Floats, limits: Limits) -> tuple[Floats, float]:
    """Prices per unit of each limit, shape (limits,), and the least upper bound of the gain that was found."""
    from scipy.optimize import linprog

    many = len(limits.most)
    highest = max(float(gains.max(initial=0.0)), 0.0)
    dearest = [
        highest / smallest if (smallest := row[row > 0].min(initial=np.inf)) < np.inf else 0.0 for row in limits.uses
    ]
    prices, best = np.zeros(many), (np.zeros(many), np.inf)
    slopes, offsets = [], []
    for _ in range(CUTS):
        after = gains - prices @ limits.uses
        arms = after.argmax(axis=1)
        value = float(after[np.arange(len(arms)), arms].sum() + prices @ limits.most)
        best = min(best, (prices, value), key=lambda pair: pair[1])
        slope = limits.most - limits.used(arms)
        slopes.append(slope)
        offsets.append(value - slope @ prices)
        if not many:
            break
        # The highest of all planes is a lower bound of the dual; its lowest point is where to look next.
        plane = linprog(
            np.append(np.zeros(many), 1), np.column_stack([slopes, -np.ones(len(slopes))]), -np.array(offsets),
            bounds=[*((0, price) for price in dearest), (None, None)], method="highs",
        )  # fmt: skip
        if best[1] - plane.fun <= CLOSE * max(1.0, abs(best[1])):
            break
        prices = plane.x[:-1]
    return best


def _filled(gains: Floats, limits: Limits, prices: Floats) -> Ints:
    """The arm of each customer within the limits: shape (rows,)."""
    after = gains - prices @ limits.uses
    arms = _within(after.argmax(axis=1), after, limits, limits.most)
    # What is left over goes to those for whom an arm still gains, in the order of what it gains after prices.
    while True:
        left = limits.most - limits.used(arms)
        fits = (limits.uses <= left[:, None]).all(axis=0)
        useful = np.where(fits & (gains > 0) & (arms == 0)[:, None], after, -np.inf)
        wanted = np.where(np.isfinite(useful).any(axis=1), useful.argmax(axis=1), 0)
        if not wanted.any():
            return arms
        arms += _within(wanted, after, limits, left)


def _within(wanted: Ints, after: Floats, limits: Limits, left: Floats) -> Ints:
    """The wanted arms of those who gain most after prices, as far as each limit reaches; 0 for the others."""
    value = after[np.arange(len(wanted)), wanted]
    order = np.argsort(np.where(wanted > 0, -value, np.inf), kind="stable")
    arms = wanted[order]
    for row, most in zip(limits.uses, left, strict=True):
        uses = row[arms]
        # Sums of many prices in cents may end a hair above their total.
        arms = np.where((uses > 0) & (np.cumsum(uses) > most * (1 + 1e-12)), 0, arms)
    granted = np.empty_like(wanted)
    granted[order] = arms
    return granted


def _uniform(keys: pd.Series[Any], purpose: str) -> Floats:
    """A number in [0, 1) for each key, shape (rows,), that depends on nothing but the key and the purpose."""
    salted = keys.astype(str) + f" {purpose}"
    return pd.util.hash_pandas_object(salted, index=False).to_numpy() / 2.0**64


def _any_of(allowed: Flags, draws: Floats) -> Ints:
    """One of the allowed arms of each row, each with the same chance: shape (rows,)."""
    place = np.floor(draws * allowed.sum(axis=1)).astype(np.int64)
    return np.asarray((np.cumsum(allowed, axis=1) == place[:, None] + 1).argmax(axis=1))
