"""BG/NBD as a baseline of churn: what three features foretell of each customer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ml.buying.bg_nbd import BgNbd, PurchaseHistories

if TYPE_CHECKING:
    import pandas as pd

    from quanyu.grammar.task import Floats


def bg_nbd(
    training: pd.DataFrame,
    test: pd.DataFrame,
    horizon: float,
    days: str = "rhythm.purchase_days",
    first: str = "recency.days_since_first",
    last: str = "recency.days_since_order",
) -> pd.DataFrame:
    """Fit BG/NBD on the rows of `training`, and foretell the next `horizon` days of those of `test`, a row for each.

    The columns read are days with a purchase, days since the first, and since the last. The columns returned are
    expected `purchases`, the probability of `none`, and `p_alive`. As a baseline of churn `none` is the one to beat:
    `p_alive` is 1 for all who bought once. `training` has one row per customer: of several cutoffs, pass the newest.
    TooLittleDataError when too few customers bought again; ConfigError when a value is unknown.
    """
    model = BgNbd.fit(PurchaseHistories.of(*_histories(training, days, first, last)))
    rows = PurchaseHistories(*_histories(test, days, first, last), np.ones(len(test)))
    return test.iloc[:, :0].assign(
        purchases=model.expected_purchases(rows, horizon),
        none=model.probability_of_none(rows, horizon),
        p_alive=model.probability_alive(rows),
    )


def _histories(rows: pd.DataFrame, days: str, first: str, last: str) -> tuple[Floats, Floats, Floats]:
    bought, age, since = (rows[name].to_numpy("float64") for name in (days, first, last))
    return np.maximum(bought - 1, 0.0), age - since, age
