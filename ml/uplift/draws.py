"""An experiment from the rows of campaigns: who was treated, and with which probability."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ml.uplift.experiment import Experiment, Flags, Floats
from quanyu.errors import ConfigError
from quanyu.grammar.offers.offer import CONTROL

if TYPE_CHECKING:
    from typing import Any

    import pandas as pd

DIGITS = 9


def treated_with(draws: pd.DataFrame) -> tuple[Flags, Floats]:
    """Whether each draw was into another arm than the control, and the probability of that: both of shape (rows,).

    `draws` have `campaign`, `arm`, and `probability`, that of the arm that came. Where each arm of a campaign had one
    for all, the probability is that of all its arms but the control, among the arms that are there. Else it follows
    from a row's own, which two arms allow. ConfigError where a campaign has more arms and no such odds.
    """
    treated: Flags = (draws["arm"] != CONTROL).to_numpy()
    own = draws["probability"].to_numpy("float64")
    arms = draws.assign(probability=own.round(DIGITS)).groupby(["campaign", "arm"])["probability"].agg(["min", "max"])
    steady = (arms["min"] == arms["max"]).groupby("campaign").all()
    number = arms.groupby("campaign").size()
    if unclear := sorted(map(str, number.index[~steady & (number > 2)])):
        words = "the odds of an arm differ between customers, so that those of the others are not known"
        raise ConfigError(f"{', '.join(unclear)}: {words}; name two arms in the experiment's `where`")
    both = arms["min"].groupby("campaign").sum()
    chance = arms["min"][arms.index.get_level_values("arm") != CONTROL].groupby("campaign").sum() / both
    simple = steady & (number > 1)
    of_campaign = draws["campaign"].map(chance).to_numpy("float64")
    by_odds = draws["campaign"].map(simple).to_numpy(bool)
    return treated, np.where(by_odds, of_campaign, np.where(treated, own, 1 - own))


def experiment_of(
    draws: pd.DataFrame, matrix: Floats, labels: Floats, keys: pd.Series[Any]
) -> tuple[Experiment, Flags]:
    """The draws as an experiment, and which of them are in it, shape (rows,): those that chance decided.

    `matrix` has shape (rows, features), the others (rows,). ConfigError where they are not of both arms.
    """
    treated, probability = treated_with(draws)
    chosen: Flags = (probability > 0) & (probability < 1)
    customers = keys[chosen].astype("category").cat.codes.to_numpy().astype(np.int64)
    return Experiment(matrix[chosen], treated[chosen], labels[chosen], probability[chosen], customers), chosen
