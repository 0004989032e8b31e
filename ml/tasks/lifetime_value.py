"""Lifetime value: what a customer will buy and spend in the horizon, by BG/NBD and Gamma-Gamma."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any

from ml.lifecycle.plots import GREY, INK, axes_of
from ml.lifecycle.train import inputs, outcomes
from quanyu.grammar.model_spec import ModelSpec
from quanyu.grammar.table import Column
from quanyu.grammar.task import Examples, Predictor, Task, unlisted

if TYPE_CHECKING:
    import pandas as pd

    from quanyu.grammar.task import Floats

TENTHS = 10
NOTHING = float("nan")


@dataclass(frozen=True)
class LifetimeValue(Task):
    """Purchases and value of the horizon, compared with what the customer's past rate of spending foretells.

    The label is what was spent in the horizon, such as `sum(amount)`. The fields name the features that tell the past.
    """

    days: str = "rhythm.purchase_days"
    """Feature: days with a purchase."""
    first: str = "recency.days_since_first"
    """Feature: days since the first purchase."""
    last: str = "recency.days_since_order"
    """Feature: days since the last purchase."""
    spent: str = "rhythm.spend_per_day"
    """Feature: mean spending on a day with a purchase, above 0."""

    estimators = ("bg_nbd",)
    columns = {
        "purchases": Column("double", "Expected days with a purchase in the model's horizon.", unit="days", at_least=0),
        "value": Column("double", "Expected spending in the model's horizon.", unit="currency", at_least=0),
        "value_low": Column("double", "Spending that one in ten stays below.", unit="currency", at_least=0),
        "value_high": Column("double", "Spending that one in ten goes above.", unit="currency", at_least=0),
        "p_alive": Column(
            "double", "Probability that the customer still buys; 1 for who bought once: BG/NBD has nobody leave then.",
            unit="probability", at_least=0, at_most=1,
        ),
        "purchases_365d": Column("double", "Expected days with a purchase in the next 365 days, which is longer than"
                                 " what was tested.", unit="days", at_least=0),
        "value_365d": Column("double", "Expected spending in the next 365 days, which is longer than what was tested.",
                             unit="currency", at_least=0),
    }  # fmt: skip
    metrics = (
        "mae", "mae_of_rate", "mae_below_rate", "correlation", "correlation_of_rate", "correlation_over_rate",
        "rank_correlation", "foretold_to_actual", "coverage", "mean_value", "mean_label", "spenders",
    )  # fmt: skip
    headings = {
        "mae": "MAE", "mae_of_rate": "past rate's", "correlation": "correlation",
        "correlation_of_rate": "past rate's correlation", "foretold_to_actual": "foretold / came",
    }  # fmt: skip

    def problems(self, spec: type[ModelSpec]) -> list[tuple[str, str]]:
        """Also: a feature that tells the past is none of the model's."""
        return super().problems(spec) + unlisted(spec, "task", astuple(self))

    def shortage(self, labels: Floats) -> str:
        """Some customers must have spent something."""
        return "" if (labels > 0).any() else f"none of {len(labels)} rows spent anything in the horizon."

    def fit(self, spec: type[ModelSpec], examples: Examples, nthread: int, seed: int) -> Predictor:
        """Find the parameters on the newest row of each entity: an earlier cutoff tells a part of the same history."""
        from ml.buying.lifetime_predictor import LifetimePredictor

        places = [spec.features.index(feature) for feature in astuple(self)]
        newest = examples.newest().matrix[:, places]
        columns = tuple(self.columns)
        return LifetimePredictor.fit(spec.features, astuple(self), columns, newest, spec.label.horizon_days)

    def evaluate(
        self, spec: type[ModelSpec], predictions: Floats, test: pd.DataFrame, facts: Mapping[str, Any]
    ) -> dict[str, float]:
        """Compute the metrics, and those of the past rate of spending on the same rows."""
        labels, past = outcomes(test), inputs(test, astuple(self))
        return figures(predictions, labels, past_rate(past, spec.label.horizon_days))

    def realised(self, spec: type[ModelSpec], rows: pd.DataFrame) -> Mapping[str, float]:
        """Mean absolute error, what was foretold over what came, correlation, and the share within the interval."""
        predictions, labels = rows[list(self.columns)].to_numpy("float64"), outcomes(rows)
        own = foretold(predictions, labels)
        same = {name: own[name] for name in ("mae", "correlation", "coverage")}
        return {**same, "calibration": own["foretold_to_actual"]}

    def plots(
        self, spec: type[ModelSpec], predictions: Floats, test: pd.DataFrame, metrics: Mapping[str, float], title: str
    ) -> dict[str, Any]:
        """Value foretold and value that came, by tenth."""
        labels = outcomes(test)
        return {"value_by_tenth": _tenths_plot(predictions[:, 1], labels, metrics, title)} if len(labels) else {}


def past_rate(past: Floats, horizon: float) -> Floats:
    """Spending in the horizon at the rate since the first purchase, shape (rows,); one horizon is the least time.

    `past` has the columns of the task's features. Without a least time who first bought today would buy so every day.
    """
    import numpy as np

    days, first, _, spent = past.T
    rates: Floats = days * spent * horizon / np.maximum(first, horizon)
    return rates


def figures(predictions: Floats, labels: Floats, rate: Floats) -> dict[str, float]:
    """Compute the metrics from predictions (rows, 7), and labels and spending by past rate, both (rows,)."""
    own = foretold(predictions, labels)
    of_rate, correlation_of_rate = _mean(abs(rate - labels)), _correlation(rate, labels)
    return {
        **own,
        "mae_of_rate": of_rate,
        "mae_below_rate": of_rate - own["mae"],
        "correlation_of_rate": correlation_of_rate,
        "correlation_over_rate": own["correlation"] - correlation_of_rate,
    }


def foretold(predictions: Floats, labels: Floats) -> dict[str, float]:
    """Compute the metrics without the past rate, from predictions (rows, 7) and labels (rows,)."""
    from scipy.stats import spearmanr

    _, value, low, high, *_ = predictions.T
    total, varies = labels.sum(), len(labels) > 1 and labels.std() > 0
    return {
        "mae": _mean(abs(value - labels)),
        "correlation": _correlation(value, labels),
        "rank_correlation": float(spearmanr(value, labels).statistic) if varies else NOTHING,
        "foretold_to_actual": float(value.sum() / total) if total > 0 else NOTHING,
        "coverage": _mean((labels >= low) & (labels <= high)),
        "mean_value": _mean(value),
        "mean_label": _mean(labels),
        "spenders": float((labels > 0).sum()),
    }


def _mean(values: Any) -> float:
    return float(values.mean()) if len(values) else NOTHING


def _correlation(one: Floats, other: Floats) -> float:
    import numpy as np

    if len(one) < 2 or one.std() == 0 or other.std() == 0:
        return NOTHING
    return float(np.corrcoef(one, other)[0, 1])


def _tenths_plot(value: Floats, labels: Floats, metrics: Mapping[str, float], title: str) -> Any:
    """Plot mean value foretold beside what came, by tenth of the customers, least value first."""
    import numpy as np

    tenths = [rows for rows in np.array_split(np.argsort(value, kind="stable"), TENTHS) if len(rows)]
    axes, places = axes_of(title), np.arange(1, len(tenths) + 1)
    axes.bar(places - 0.2, [value[rows].mean() for rows in tenths], 0.4, color=GREY, label="foretold")
    axes.bar(places + 0.2, [labels[rows].mean() for rows in tenths], 0.4, color=INK, label="came")
    axes.set(xlabel="Tenth of the customers, by value foretold", ylabel="Mean spending in currency")
    axes.set_xticks(places)
    axes.text(0.03, 0.8, f"foretold / came {metrics['foretold_to_actual']:.2f}", transform=axes.transAxes, color=INK)
    axes.legend(loc="upper left", frameon=False)
    return axes.figure
