"""Next purchase: when a customer comes again if he does, by his own rhythm, and whether he does, by BG/NBD."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from ml.evaluation.binary import paired
from ml.evaluation.errors import less_error, with_bounds
from ml.evaluation.ranking import Ranking
from ml.evaluation.resamples import point
from ml.lifecycle.plots import GREY, INK, PALE, axes_of
from ml.lifecycle.train import inputs, outcomes
from quanyu.expressions.aggregates import AggregateExpression
from quanyu.grammar.model_spec import Label, ModelSpec
from quanyu.grammar.row_expressions import planned, reach
from quanyu.grammar.table import Column, Table
from quanyu.grammar.task import Examples, Predictor, Task, unlisted

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from quanyu.grammar.task import Floats

TENTHS = 10
SOON_DAYS = 30
NOTHING = float("nan")
WITH_BOUNDS = (
    "mae", "mae_of_gap", "mae_below_gap", "coverage", "auc", "baseline_auc", "auc_over_baseline", "auc_of_coming",
    "foretold_to_actual",
)  # fmt: skip


@dataclass(frozen=True)
class DaysUntil(Label):
    """Days from the cutoff to the first such row; null for entities without one within the horizon."""

    value: str = field(default="", init=False)
    """Always the time of the first row."""

    def plan(self, tables: Mapping[str, type[Table]]) -> AggregateExpression:
        """Plan of the first row's time within the horizon. Raises ExpressionError."""
        table = tables[self.over]
        first = f"min({table.event_time})"
        return planned(table, reach(table, tables), first, self.where or None, self.horizon_days)

    def sql(self, plan: AggregateExpression) -> str:
        """Days from `as_of`, which is the cutoff, to the plan's time."""
        return f"cast(datediff({plan.value()}, as_of) as double)"


@dataclass(frozen=True)
class NextPurchaseTiming(Task):
    """Days until a customer buys again, among those who do, and the probability that he does within the horizon.

    Compared with his own median gap less the days since the last purchase, at least 0, and with these days alone.
    The fields name the features that tell the past.
    """

    gaps: str = "rhythm.gaps"
    """Feature: gaps between days with a purchase, at least one."""
    typical: str = "rhythm.typical_gap"
    """Feature: their median in days."""
    last: str = "recency.days_since_order"
    """Feature: days since the last purchase."""
    first: str = "recency.days_since_first"
    """Feature: days since the first purchase."""

    labels = (DaysUntil,)
    estimators = ("rhythm",)
    columns = {
        "due_in_days": Column("double", "Days until half of such customers have bought, of those who do.", unit="days",
                              at_least=0),
        "due_low": Column("double", "Days until a quarter of them have bought.", unit="days", at_least=0),
        "due_high": Column("double", "Days until three quarters of them have bought.", unit="days", at_least=0),
        "comes": Column("double", "Probability of a purchase within the horizon.", unit="probability", at_least=0,
                        at_most=1),
    }  # fmt: skip
    metrics = (
        "came", "median_error", "median_error_of_gap",
        *(f"{name}{end}" for name in WITH_BOUNDS for end in ("", "_low", "_high")),
    )  # fmt: skip
    meanings = {
        "test_rows": "too few to judge it by",
        "came": "too few of them came to judge it by",
        "mae_below_gap_low": "the own gap may be as near",
        "auc_over_baseline_low": "it may rank no better than the days since the last purchase",
        "coverage": "too few or too many come between its quartiles",
        "foretold_to_actual": "it foretells too many or too few on the whole",
    }
    compared_with = "own gap, recency"
    beside = {"mae": "mae_of_gap", "median_error": "median_error_of_gap"}
    headings = {
        "mae": "MAE, days", "mae_of_gap": "own gap's", "median_error": "median error",
        "median_error_of_gap": "own gap's median", "coverage": "in quartiles", "auc": f"AUC, {SOON_DAYS} days",
        "baseline_auc": "recency's",
    }  # fmt: skip

    def problems(self, spec: type[ModelSpec]) -> list[tuple[str, str]]:
        """Also: a feature that tells the past is none of the model's."""
        return super().problems(spec) + unlisted(spec, "task", astuple(self))

    def shortage(self, labels: Floats) -> str:
        """Some customers must have come again."""
        return "" if (labels > 0).any() else f"none of {len(labels)} rows bought in the horizon."

    def facts(self, spec: type[ModelSpec], training: pd.DataFrame) -> dict[str, float]:
        """Share of those who came."""
        return {"positive_rate": float((outcomes(training) > 0).mean())}

    def fit(self, spec: type[ModelSpec], examples: Examples, nthread: int, seed: int) -> Predictor:
        """Find the parameters on the newest row of each entity: an earlier cutoff tells a part of the same history."""
        from ml.buying.purchase_predictor import PurchasePredictor

        places = [spec.features.index(feature) for feature in astuple(self)]
        rows = examples.newest().matrix[:, places]
        return PurchasePredictor.fit(
            spec.features, astuple(self), tuple(self.columns), rows, spec.label.horizon_days
        )  # fmt: skip

    def evaluate(
        self, spec: type[ModelSpec], predictions: Floats, test: pd.DataFrame, facts: Mapping[str, Any]
    ) -> dict[str, float]:
        """Compute the metrics, and those of the plain rules on the same rows."""
        return figures(predictions, outcomes(test), inputs(test, astuple(self)))

    def loss(self, predictions: Floats, labels: Floats) -> float:
        """Mean absolute error in days of those who came."""
        import numpy as np

        errors = self.errors(predictions, labels)
        return _of(np.mean, errors[np.isfinite(errors)])

    def compare(
        self, spec: type[ModelSpec], predictions: Floats, champion: Floats, test: pd.DataFrame
    ) -> dict[str, float]:
        """Days by which the mean error of those who came is below the champion's, and AUC of coming over that of it."""
        labels = outcomes(test)
        days = less_error(self.errors(predictions, labels), self.errors(champion, labels), "over_champion")
        came = (labels > 0).astype("float64")
        return days | paired(predictions[:, 3], champion[:, 3], came, "coming_over_champion")

    def references(self, spec: type[ModelSpec], test: pd.DataFrame) -> Mapping[str, Floats]:
        """Days by the own gap, and days since the last purchase."""
        past = inputs(test, astuple(self))
        return {"own_gap": plain_days(past), "days_since": past[:, 2]}

    def realised(self, spec: type[ModelSpec], rows: pd.DataFrame) -> Mapping[str, float]:
        """Mean absolute error in days and share within the quartiles of those who came, and whether as many came."""
        own = foretold(rows[list(self.columns)].to_numpy("float64"), outcomes(rows))
        return {"mae": own["mae"], "calibration": own["foretold_to_actual"], "coverage": own["coverage"]}

    def plots(
        self, spec: type[ModelSpec], predictions: Floats, test: pd.DataFrame, metrics: Mapping[str, float], title: str
    ) -> dict[str, Any]:
        """Days foretold beside those that came, and whether customers came as often as foretold, by tenth."""
        labels, plain = outcomes(test), plain_days(inputs(test, astuple(self)))
        came = labels > 0
        if not came.any():
            return {}
        days = _days_plot(predictions[came], labels[came], plain[came], metrics, title)
        return {"days_by_tenth": days, "coming_by_tenth": _coming_plot(predictions[:, 3], came, metrics, title)}


def plain_days(past: Floats) -> Floats:
    """The own median gap less the days since the last purchase, at least 0: shape (rows,).

    `past` has the columns of the task's features.
    """
    import numpy as np

    days: Floats = np.maximum(past[:, 1] - past[:, 2], 0.0)
    return days


def figures(predictions: Floats, labels: Floats, past: Floats) -> dict[str, float]:
    """Compute the metrics with bounds from predictions (rows, 4), days until the next purchase (rows,), and features.

    Days are nan for who did not come; features have shape (rows, 4).
    """
    import numpy as np

    came = labels > 0
    soon = (np.nan_to_num(labels, nan=np.inf) <= SOON_DAYS).astype(np.float64)
    own, other = Ranking(-predictions[:, 0], soon), Ranking(-past[:, 2], soon)
    of_gap = abs(plain_days(past) - labels)

    def beside_plain(weights: Floats) -> dict[str, Floats]:
        without = _weighted(predictions, labels, weights)
        auc, baseline = own.figures(weights)["auc"], other.figures(weights)["auc"]
        gap = _mean_of(of_gap, came, weights)
        return {
            **without,
            "mae_of_gap": gap,
            "mae_below_gap": gap - without["mae"],
            "auc": auc,
            "baseline_auc": baseline,
            "auc_over_baseline": auc - baseline,
        }

    bounds = with_bounds(beside_plain, len(labels))
    return foretold(predictions, labels) | {"median_error_of_gap": _of(np.median, of_gap[came])} | bounds


def foretold(predictions: Floats, labels: Floats) -> dict[str, float]:
    """Compute the metrics without plain rules and bounds: predictions (rows, 4), days until the next purchase (rows,).

    What is foretold is a median, which the mean of absolute errors judges: their median rewards a guess near the mode
    of what is skewed, such as the plain rule's, however far it misses the others.
    """
    import numpy as np

    came = labels > 0
    errors = abs(predictions[came, 0] - labels[came])
    return {
        "came": float(came.sum()),
        "median_error": _of(np.median, errors),
        **point(partial(_weighted, predictions, labels), len(labels)),
    }


def _weighted(predictions: Floats, labels: Floats, weights: Floats) -> dict[str, Floats]:
    """Figures without plain rules for weights of shape (resamples, rows), each of shape (resamples,)."""
    import numpy as np

    due, low, high, comes = predictions.T
    came = labels > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = weights @ comes / (weights @ came)
    return {
        "mae": _mean_of(abs(due - labels), came, weights),
        "coverage": _mean_of((labels >= low) & (labels <= high), came, weights),
        "auc_of_coming": Ranking(comes, came.astype(np.float64)).figures(weights)["auc"],
        "foretold_to_actual": np.where(np.isfinite(ratio), ratio, NOTHING),
    }


def _mean_of(values: Floats, came: NDArray[np.bool_], weights: Floats) -> Floats:
    """Mean of the values of who came for each of the weights, shape (resamples,); nan where nobody came."""
    import numpy as np

    with np.errstate(divide="ignore", invalid="ignore"):
        means: Floats = weights[:, came] @ values[came] / weights[:, came].sum(axis=1)
    return means


def _of(mean: Callable[[Any], Any], values: Any) -> float:
    return float(mean(values)) if len(values) else NOTHING


def _tenths(values: Floats) -> list[Any]:
    import numpy as np

    return [rows for rows in np.array_split(np.argsort(values, kind="stable"), TENTHS) if len(rows)]


def _days_plot(
    predictions: Floats, days: Floats, plain: Floats, metrics: Mapping[str, float], title: str
) -> Any:  # fmt: skip
    """Plot medians of those who came by tenth of days foretold, with the quartiles as a band, and the plain rule's."""
    import numpy as np

    due, low, high, _ = predictions.T
    tenths = _tenths(due)
    places = np.arange(1, len(tenths) + 1)

    def medians(values: Floats) -> list[float]:
        return [float(np.median(values[rows])) for rows in tenths]

    axes = axes_of(title)
    axes.fill_between(places, medians(low), medians(high), color=PALE, label="quartiles foretold")
    axes.plot(places, medians(due), color=INK, marker="o", label="foretold")
    axes.plot(places, medians(days), color="black", linestyle="none", marker="x", label="came")
    axes.plot(places, medians(plain), color=GREY, linestyle="--", label="own median gap less days since")
    axes.set(xlabel="Tenth of those who came, by days foretold", ylabel="Days until the next purchase (median)")
    axes.set_xticks(places)
    words = f"mean error {metrics['mae']:.1f} days, own gap's {metrics['mae_of_gap']:.1f}"
    axes.text(0.03, 0.68, words, transform=axes.transAxes, color=INK)
    axes.legend(loc="upper left", frameon=False)
    return axes.figure


def _coming_plot(comes: Floats, came: Any, metrics: Mapping[str, float], title: str) -> Any:
    """Plot the share that came beside the mean probability foretold, by tenth of the customers."""
    axes, tenths = axes_of(title), _tenths(comes)
    axes.plot((0, 1), (0, 1), color=GREY, linestyle="--", label="as foretold")
    foretold, shares = [comes[rows].mean() for rows in tenths], [came[rows].mean() for rows in tenths]
    axes.plot(foretold, shares, color=INK, marker="o", label="tenths of the customers")
    axes.set(xlabel="Mean probability of a purchase in the horizon", ylabel="Share that bought", xlim=(0, 1),
             ylim=(0, 1))  # fmt: skip
    words = f"foretold / came {metrics['foretold_to_actual']:.2f}, AUC {metrics['auc_of_coming']:.3f}"
    axes.text(0.03, 0.8, words, transform=axes.transAxes, color=INK)
    axes.legend(loc="upper left", frameon=False)
    return axes.figure
