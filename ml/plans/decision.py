"""Decides the plan of a campaign: by customer where past assignments show that this pays, else the best single arm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ml.plans.past import PastAssignments
from ml.uplift.calibrated_effects import CalibratedEffects
from ml.uplift.experiment import Flags, Floats, Ints
from ml.uplift.learners import linear
from ml.uplift.offers import OfferNumbers
from ml.uplift.plan import ArmPlan, Limits, best_plan
from ml.uplift.policy_value import PlanValues, doubly_robust, gained, plan_gains, plan_values
from quanyu.errors import ConfigError

BY_CUSTOMER, NOBODY = "by customer", "nobody"
MOST_EXPLORED = 0.5
"""Share of a limit that exploration may use at most, whatever share of the customers explores."""


@dataclass(frozen=True)
class PlanEvidence:
    """What ways to plan are worth per customer on past assignments that nothing was learned from, in currency.

    `values` has `by customer`, the best single arm (which is the reference), and `nobody`.
    """

    values: PlanValues
    rows: int

    @property
    def is_better_by_customer(self) -> bool:
        """Whether a plan by customer gains surely more than the best single arm."""
        return self.values.over[BY_CUSTOMER].low > 0


@dataclass(frozen=True)
class Candidates:
    """Customers of today who may be planned: their keys, features, and which arms they may get.

    `keys` has shape (rows,), `matrix` (rows, features), `eligible` (rows, arms) with the control first.
    """

    keys: pd.Series[Any]
    matrix: Floats
    eligible: Flags


@dataclass(frozen=True)
class DecidedPlan:
    """The plan of a campaign, with the gain that is expected of each customer's arm (nan: nobody knows), in currency.

    `single` is the arm that was planned for all, or empty for a plan by customer. `evidence` is None where past
    assignments are too few.
    """

    numbers: OfferNumbers
    plan: ArmPlan
    expected_gain: Floats
    single: str
    evidence: PlanEvidence | None

    @property
    def limits(self) -> Limits:
        """What the plan may use at most."""
        return self.numbers.limits

    @property
    def binding(self) -> Flags:
        """Limits with no room for one more customer, if those who explore had their best arm too: shape (limits,)."""
        used = self.limits.used(self.plan.arm[self.plan.explored]) + self.limits.used(self.plan.best)
        return ~self.limits.room(used)


def decided(
    past: PastAssignments, numbers: OfferNumbers, candidates: Candidates, explore: float, campaign: str
) -> DecidedPlan:
    """Plan a campaign: the same for the same data, and drawn anew for each campaign."""
    learner = linear(outcome_is_binary=bool(np.isin(past.experiment.outcome, (0, 1)).all()))
    known = [numbers.arms.index(arm) for arm in past.experiment.arms]
    margins, costs = numbers.margins[known], numbers.costs[known]
    evidence = worth(past, learner, numbers, len(candidates.keys))
    effects = CalibratedEffects.fit(learner, past.experiment, seed=0)
    eligible = candidates.eligible & _affordable(numbers.limits)
    gains, means = (np.full(eligible.shape, -np.inf) for _ in range(2))
    gains[:, known] = plan_gains(effects.predict(candidates.matrix), margins, costs)
    means[:, known] = plan_gains(effects.averages[None, :], margins, costs)
    if evidence is not None and evidence.is_better_by_customer:
        single, wanted = "", gains
    else:
        best = best_single(means[0], numbers.limits, eligible.sum(axis=0))
        single, gains = numbers.arms[best], means
        wanted = np.where(np.isin(np.arange(len(numbers.arms)), [0, best]), means, -np.inf)
    keys = campaign + " " + candidates.keys.astype(str)
    plan = _planned(wanted, numbers.limits, keys, eligible, explore)
    own = gains[np.arange(len(gains)), plan.arm]
    return DecidedPlan(numbers, plan, np.where(np.isfinite(own), own, np.nan), single, evidence)


def worth(past: PastAssignments, learner: Any, numbers: OfferNumbers, customers: int) -> PlanEvidence | None:
    """Compare ways to plan on past assignments that nothing was learned from; None where there are too few.

    Limits are the campaign's, as large for so many rows as they are for the number of customers. Rules of who may get
    an arm are left out: they are about today.
    """
    parts = past.halves(seed=0)
    if parts is None or not customers:
        return None
    known = [numbers.arms.index(arm) for arm in past.experiment.arms]
    margins, costs = numbers.margins[known], numbers.costs[known]
    learned, measured = (past.experiment.select(rows) for rows in parts)
    limits = Limits(
        numbers.limits.names, numbers.limits.uses[:, known], numbers.limits.most * len(measured.arm) / customers
    )
    effects = CalibratedEffects.fit(learner, learned, seed=0)
    expected = plan_gains(effects.predict(measured.matrix), margins, costs)
    gains = plan_gains(doubly_robust(measured, effects.models.predict(measured.matrix)), margins, costs)
    keys = pd.Series(parts[1])
    own = np.eye(len(known))[best_plan(expected, limits, keys).arm]
    means = plan_gains(effects.averages[None, :], margins, costs)[0]
    best = best_single(means, limits, np.full(len(known), len(keys)))
    name = numbers.arms[known[best]] if best else NOBODY
    chances = np.zeros((len(keys), len(known)))
    chances[:, best] = _reach(limits, np.full(len(known), len(keys)))[best] / len(keys)
    chances[:, 0] += 1 - chances.sum(axis=1)
    plans = {BY_CUSTOMER: gained(gains, own), name: gained(gains, chances)}
    return PlanEvidence(plan_values({NOBODY: np.zeros(len(keys)), **plans}, name, measured.customers), len(keys))


def best_single(means: Floats, limits: Limits, eligible: Ints) -> int:
    """Number of the arm that gains most if it alone is given to as many as limits allow; 0 where none gains.

    `means` is the average gain of each arm, and `eligible` how many may get it: shape (arms,).
    """
    totals = np.where(np.isfinite(means), means, 0) * _reach(limits, eligible)
    return int(totals.argmax()) if totals.max() > 0 else 0


def _reach(limits: Limits, eligible: Ints) -> Floats:
    """How many customers may get each arm if no other is given, shape (arms,)."""
    most = np.divide(
        limits.most[:, None], limits.uses, out=np.full(limits.uses.shape, np.inf), where=limits.uses > 0
    )  # fmt: skip
    return np.asarray(np.minimum(most.min(axis=0, initial=np.inf), eligible))


def _affordable(limits: Limits) -> Flags:
    """Arms of which at least one customer can get one, shape (arms,)."""
    return np.asarray((limits.uses <= limits.most[:, None]).all(axis=0))


def accepted_chances(explore: float, eligible: Flags, limits: Limits) -> Floats:
    """Chance with which an arm is given that was drawn to explore, shape (arms,): below 1 for what is scarce.

    Exploration draws evenly among all arms that a customer may get. Of a limit it should use no more than its share of
    the customers, or it would leave nothing for the plan.
    """
    drawn = limits.uses @ (eligible / eligible.sum(axis=1, keepdims=True)).sum(axis=0)
    room = np.divide(limits.most, drawn, out=np.full(len(drawn), np.inf), where=drawn > 0)
    chances = np.clip(room * min(1, MOST_EXPLORED / explore), 0, 1) if explore else np.ones(len(room))
    return np.asarray(np.where(limits.uses > 0, chances[:, None], 1).min(axis=0, initial=1))


def _planned(gains: Floats, limits: Limits, keys: pd.Series[Any], eligible: Flags, explore: float) -> ArmPlan:
    """The best plan. Nobody explores in it where those drawn would by chance need more than a limit allows."""
    try:
        accepted = accepted_chances(explore, eligible, limits)
        return best_plan(gains, limits, keys, eligible, explore, accepted=accepted)
    except ConfigError:
        return best_plan(gains, limits, keys, eligible)
