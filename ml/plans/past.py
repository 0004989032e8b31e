"""Past assignments of the arms of a campaign as an experiment, and the part of it that nothing is learned from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ml.uplift.comparison import random_half
from ml.uplift.draws import odds_of
from ml.uplift.experiment import Flags, Floats, Ints
from ml.uplift.policy_value import ArmsExperiment
from quanyu.grammar.model_spec import ModelSpec
from quanyu.grammar.offers.offer import CONTROL

if TYPE_CHECKING:
    import pandas as pd

LEAST = 100
"""Past assignments of an arm, without which nothing is said of its effect."""
HELD_OUT = 1 / 3


@dataclass(frozen=True)
class PastAssignments:
    """Past assignments of some arms, the control first, with the day before each; `days` has shape (rows,)."""

    experiment: ArmsExperiment
    days: Ints

    def halves(self, seed: int) -> tuple[Ints, Ints] | None:
        """Numbers of rows to learn from, and of those to measure on: of the newest campaigns, or of other customers.

        None where neither has enough rows of every arm. Measured is on rows that could have got any of the arms.
        """
        could = np.flatnonzero((self.experiment.probability > 0).all(axis=1))
        for held_out in (self._newest(), self._other_customers(seed)):
            learned, measured = np.flatnonzero(~held_out), could[held_out[could]]
            if min(self._fewest(learned), self._fewest(measured)) >= LEAST / 2:
                return learned, measured
        return None

    def _fewest(self, rows: Ints) -> int:
        return int(np.bincount(self.experiment.arm[rows], minlength=len(self.experiment.arms)).min())

    def _newest(self) -> Flags:
        """The newest days with at least a third of the rows, but never all days: shape (rows,)."""
        days, counts = np.unique(self.days, return_counts=True)
        later = np.cumsum(counts[::-1])[::-1]
        begins = days[np.flatnonzero(later >= HELD_OUT * len(self.days)).max(initial=0)]
        return np.asarray(self.days >= max(begins, days[min(1, len(days) - 1)]))

    def _other_customers(self, seed: int) -> Flags:
        units, places = np.unique(self.experiment.customers, return_inverse=True)
        return np.asarray(np.isin(places, random_half(len(units), seed)[1]))


def past_assignments(rows: pd.DataFrame, spec: type[ModelSpec], arms: Sequence[str]) -> PastAssignments | None:
    """Past assignments of the control and of those of the arms that have enough of them; None without any such arm.

    `rows` are those of `assigned`. Of campaigns with other arms too, only those who got one of these are looked at.
    Campaigns whose odds nobody knows are left out: who could not get an arm would seem to have got another instead.
    """
    logged = rows[(rows["probability"] > 0) & (rows["probability"] <= 1)].reset_index(drop=True)
    odds = odds_of(logged)
    of_them = logged[logged["arm"].isin([CONTROL, *arms]) & odds.notna().all(axis=1)]
    compared = of_them.groupby("campaign")["arm"].agg(lambda names: CONTROL in set(names) and names.nunique() > 1)
    of_them = of_them[of_them["campaign"].isin(compared.index[compared.to_numpy(bool)])]
    counts = of_them["arm"].value_counts()
    enough = [arm for arm in [CONTROL, *arms] if counts.get(arm, 0) >= LEAST]
    if len(enough) < 2 or CONTROL not in enough:
        return None
    chosen = of_them[of_them["arm"].isin(enough)]
    # Given that it was one of these arms.
    among = odds.loc[chosen.index, enough].to_numpy(np.float64)
    experiment = ArmsExperiment(
        tuple(enough), finite(chosen[list(spec.features)].to_numpy(np.float64)), _numbers(chosen["arm"], enough),
        chosen["label"].to_numpy(np.float64), among / among.sum(axis=1, keepdims=True),
        np.asarray(chosen[spec.entity.key].astype("category").cat.codes, dtype=np.int64),
    )  # fmt: skip
    days: Any = chosen["cutoff"].astype("datetime64[s]").astype("int64").to_numpy()
    return PastAssignments(experiment, days)


def finite(matrix: Floats) -> Floats:
    """Features with nan for what is no finite number, which a learner takes for unknown."""
    return np.where(np.isfinite(matrix), matrix, np.nan)


def _numbers(names: pd.Series[Any], listed: Sequence[str]) -> Ints:
    """Place of each name in a list, shape (rows,)."""
    return np.asarray(names.map({name: number for number, name in enumerate(listed)}), dtype=np.int64)
