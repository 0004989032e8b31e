"""Lifetime value: what a customer will buy and spend in the horizon, by BG/NBD and Gamma-Gamma."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from ml.evaluation.errors import with_bounds
from ml.evaluation.resamples import point
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
WITH_BOUNDS = (
    "mae", "correlation", "foretold_to_actual", "coverage", "mean_value", "mean_label", "mae_of_rate",
    "correlation_of_rate", "mae_below_rate", "correlation_over_rate",
)  # fmt: skip


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
        *(f"{name}{end}" for name in WITH_BOUNDS for end in ("", "_low", "_high")), "rank_correlation", "spenders",
    )  # fmt: skip
    meanings = {
        "test_rows": "too few to judge it by",
        "spenders": "too few of them spent anything to judge it by",
        "mae_below_rate_low": "the past rate may be as near",
        "correlation_over_rate_low": "the past rate may rank as well",
        "foretold_to_actual": "it foretells too much or too little on the whole",
    }
    compared_with = "past rate"
    beside = {"mae": "mae_of_rate", "correlation": "correlation_of_rate"}
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

    def errors(self, predictions: Floats, labels: Floats) -> Floats:
        """How far each value was foretold wrong, shape (rows,)."""
        errors: Floats = abs(predictions[:, 1] - labels)
        return errors

    def loss(self, predictions: Floats, labels: Floats) -> float:
        """Mean absolute error of the values that can be foretold."""
        import numpy as np

        errors = self.errors(predictions, labels)
        judged = errors[np.isfinite(errors)]
        return float(judged.mean()) if len(judged) else NOTHING

    def evaluate(
        self, spec: type[ModelSpec], predictions: Floats, test: pd.DataFrame, facts: Mapping[str, Any]
    ) -> dict[str, float]:
        """Compute the metrics with their bounds, and those of the past rate of spending on the same rows."""
        labels, past = outcomes(test), inputs(test, astuple(self))
        return figures(predictions, labels, past_rate(past, spec.label.horizon_days))

    def references(self, spec: type[ModelSpec], test: pd.DataFrame) -> Mapping[str, Floats]:
        """Spending at the past rate."""
        return {"past_rate": past_rate(inputs(test, astuple(self)), spec.label.horizon_days)}

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

    def beside_rate(weights: Floats) -> dict[str, Floats]:
        own = _weighted(predictions, labels, weights)
        of_rate = weights @ abs(rate - labels) / weights.sum(axis=1)
        correlation_of_rate = _correlations(rate, labels, weights)
        return {
            **own,
            "mae_of_rate": of_rate,
            "mae_below_rate": of_rate - own["mae"],
            "correlation_of_rate": correlation_of_rate,
            "correlation_over_rate": own["correlation"] - correlation_of_rate,
        }

    return foretold(predictions, labels) | with_bounds(beside_rate, len(labels))


def foretold(predictions: Floats, labels: Floats) -> dict[str, float]:
    """Compute the metrics without the past rate and without bounds, from predictions (rows, 7) and labels (rows,)."""
    from scipy.stats import spearmanr

    varies = len(labels) > 1 and labels.std() > 0
    plain = dict.fromkeys(WITH_BOUNDS, NOTHING) if not len(labels) else {}
    return {
        **plain,
        **(point(partial(_weighted, predictions, labels), len(labels)) if len(labels) else {}),
        "rank_correlation": float(spearmanr(predictions[:, 1], labels).statistic) if varies else NOTHING,
        "spenders": float((labels > 0).sum()),
    }


def _weighted(predictions: Floats, labels: Floats, weights: Floats) -> dict[str, Floats]:
    """Figures of predictions (rows, 7) and labels (rows,) for weights of shape (resamples, rows), each (resamples,)."""
    import numpy as np

    _, value, low, high, *_ = predictions.T
    rows, spent = weights.sum(axis=1), weights @ labels
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(spent > 0, weights @ value / spent, NOTHING)
    return {
        "mae": weights @ abs(value - labels) / rows,
        "correlation": _correlations(value, labels, weights),
        "foretold_to_actual": ratio,
        "coverage": weights @ ((labels >= low) & (labels <= high)) / rows,
        "mean_value": weights @ value / rows,
        "mean_label": spent / rows,
    }


def _correlations(one: Floats, other: Floats, weights: Floats) -> Floats:
    """Correlation for each of the weights, shape (resamples,); nan where one of both does not vary."""
    import numpy as np

    rows = weights.sum(axis=1)
    # Moments about the mean of all rows, so that no digits are lost.
    x, y = one - one.mean(), other - other.mean()
    mean_x, mean_y = weights @ x / rows, weights @ y / rows
    spread = (weights @ x**2 / rows - mean_x**2) * (weights @ y**2 / rows - mean_y**2)
    with np.errstate(divide="ignore", invalid="ignore"):
        shared = weights @ (x * y) / rows - mean_x * mean_y
        correlations: Floats = np.where(spread > 0, shared / np.sqrt(np.maximum(spread, 0.0)), NOTHING)
    return correlations


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
