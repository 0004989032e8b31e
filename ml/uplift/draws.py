"""An experiment from the rows of campaigns: who was treated, and with which probability."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ml.uplift.chances import logged_odds
from ml.uplift.experiment import Experiment, Flags, Floats
from quanyu.grammar.offers.offer import CONTROL

if TYPE_CHECKING:
    from typing import Any

    import pandas as pd

DIGITS = 9
ROUNDING = 0.02
"""What probabilities of arms that were logged with two digits may add up to above 1."""


def odds_of(draws: pd.DataFrame) -> pd.DataFrame:
    """Probability of each arm that is here, in the draw of each row: a column for each arm, nan where nobody knows it.

    `draws` have `campaign`, `arm`, `probability`, that of the arm that came, and `arms`, how many arms the campaign has
    with those that are not here; without this column, all are. Where each arm of a campaign had one probability for
    all, and together they are no more than 1, those are the odds of every row. Of two arms a row's own probability
    tells the other's. Of more, who could get which of them is not known: an arm may be closed to some customers. Where
    `chances` are logged, those of all arms, they count instead if they say the same of the arm that came.
    """
    own = draws["probability"].to_numpy("float64")[:, None]
    by_arm = draws.assign(probability=own.round(DIGITS)).groupby(["campaign", "arm"])["probability"].agg(["min", "max"])
    steady = (by_arm["min"] == by_arm["max"]).groupby("campaign").all()
    steady &= by_arm["min"].groupby("campaign").sum() <= 1 + ROUNDING
    of_campaigns = by_arm["min"].unstack("arm")
    here, count = of_campaigns.notna(), of_campaigns.notna().sum(axis=1)
    every = draws.groupby("campaign")["arms"].max() if "arms" in draws else count
    of_campaigns = of_campaigns.fillna(0.0)
    of_campaigns[~steady] = np.nan
    odds = of_campaigns.reindex(draws["campaign"]).set_axis(draws.index)
    of_two = draws["campaign"].map(~steady & (count == 2) & (every == 2)).to_numpy(bool)
    came = draws["arm"].to_numpy()[:, None] == odds.columns.to_numpy()
    possible = here.reindex(draws["campaign"]).to_numpy(bool)
    odds[of_two] = np.where(came, own, np.where(possible, 1 - own, 0.0))[of_two]
    if "chances" in draws:
        logged = logged_odds(draws["chances"], list(odds.columns))
        differ = abs((logged * came).sum(axis=1) - own[:, 0]) > ROUNDING
        unsound = differ | (logged.sum(axis=1) > 1 + ROUNDING) | (logged < 0).any(axis=1)
        has = draws["chances"].notna().to_numpy(bool)
        odds[has] = np.where(unsound[:, None], np.nan, logged)[has]
    return odds


def treated_with(draws: pd.DataFrame) -> tuple[Flags, Floats]:
    """Whether each draw was into another arm than the control, and the probability of that: both of shape (rows,).

    The probability is given that an arm came that is here: 1 or 0 where the campaign has no row of the control or of
    another arm, and nan where `odds_of` does not know it.
    """
    odds = odds_of(draws)
    total = odds.sum(axis=1, skipna=False)
    control = odds.get(CONTROL, 0.0)
    treated: Flags = (draws["arm"] != CONTROL).to_numpy()
    return treated, ((total - control) / total).to_numpy("float64")


@dataclass(frozen=True)
class ComparableDraws:
    """Which draws tell of an effect, shape (rows,), and the campaigns of the others with their number of draws."""

    chosen: Flags
    without_both_arms: dict[str, int]
    of_unknown_odds: dict[str, int]


def comparable(draws: pd.DataFrame) -> ComparableDraws:
    """Draws that chance decided between the control and another arm, with odds that are known.

    Who got the only arm of a campaign is compared with nobody: his outcome would pass for an effect.
    """
    _, probability = treated_with(draws)
    unknown = np.isnan(probability)
    chosen = (probability > 0) & (probability < 1)
    alone = ~unknown & ~chosen
    return ComparableDraws(chosen, _by_campaign(draws[alone]), _by_campaign(draws[unknown]))


def _by_campaign(draws: pd.DataFrame) -> dict[str, int]:
    """Number of draws of each campaign that has any."""
    return {str(campaign): int(count) for campaign, count in draws.groupby("campaign").size().items()}


def experiment_of(
    draws: pd.DataFrame, matrix: Floats, labels: Floats, keys: pd.Series[Any]
) -> tuple[Experiment, Flags]:
    """The draws as an experiment, and which of them are in it, shape (rows,): those that `comparable` chooses.

    `matrix` has shape (rows, features), the others (rows,). ConfigError where they are not of both arms.
    """
    treated, probability = treated_with(draws)
    chosen = comparable(draws).chosen
    customers = keys[chosen].astype("category").cat.codes.to_numpy().astype(np.int64)
    return Experiment(matrix[chosen], treated[chosen], labels[chosen], probability[chosen], customers), chosen
