"""Plots of a model's test period, each with the baseline beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ml.evaluation.binary import BinaryTest, binned
from ml.evaluation.ranking import Ranking
from ml.lifecycle.plots import GREY, INK, axes_of

if TYPE_CHECKING:
    import pandas as pd

    from ml.evaluation.costs import ContactPrice
    from quanyu.grammar.task import Floats

BRASS = "#b07d2b"
DASHED = {"color": GREY, "linewidth": 1, "linestyle": "--"}
MODEL = {"color": INK, "linewidth": 2}
BASELINE = {"color": BRASS, "linewidth": 1.5}


def plots(test: BinaryTest, metrics: dict[str, float], baseline: str, title: str) -> dict[str, Any]:
    """Figures of matplotlib by name: roc, pr, calibration, gain, and cost where contacts have a price."""
    drawn = {
        "roc": _roc(test, metrics, baseline, title),
        "pr": _precision(test, metrics, baseline, title),
        "calibration": _calibration(test, metrics, title),
        "gain": _gain(test, metrics, baseline, title),
    }
    return drawn | ({"cost": _cost(test, test.contacts, baseline, title)} if test.contacts else {})


def importance_plot(importance: pd.DataFrame, title: str) -> Any:
    """Plot how much the loss gains when the values of each feature change places."""
    axes, places = axes_of(""), range(len(importance), 0, -1)
    # Names of features take the left half, so that the title begins at the edge.
    axes.figure.suptitle(title, fontsize=11, x=0.02, ha="left")
    axes.barh(places, importance["loss"], color=INK)
    axes.set_yticks(list(places), list(importance["feature"]), fontsize=7)
    axes.axvline(0, color=GREY, linewidth=1)
    axes.set(xlabel="Loss added when the feature's values are shuffled")
    return axes.figure


def _shares(ranking: Ranking) -> tuple[Floats, Floats]:
    """Share of the positives and of the others among the first rows of a ranking: shape (rows + 1,) each."""
    import numpy as np

    true = np.append(0.0, np.cumsum(ranking.shares))
    false = np.arange(len(true)) - true
    return true / max(true[-1], 1.0), false / max(false[-1], 1.0)


def _roc(test: BinaryTest, metrics: dict[str, float], baseline: str, title: str) -> Any:
    axes = _unit_axes(title, "Share of the others named too", "Share of positives found")
    axes.plot([0, 1], [0, 1], **DASHED, label="by chance, AUC .500")
    for ranking, name, key, style in _both(test, baseline):
        true, false = _shares(ranking)
        axes.plot(false, true, **style, label=f"{name}, AUC {metrics[f'{key}auc']:.3f}")
    axes.legend(loc="lower right", frameon=False)
    return axes.figure


def _precision(test: BinaryTest, metrics: dict[str, float], baseline: str, title: str) -> Any:
    import numpy as np

    axes = _unit_axes(title, "Share of positives found (recall)", "Share of those named who are positive (precision)")
    rate = float(test.labels.mean())
    axes.plot([0, 1], [rate, rate], **DASHED, label=f"by chance, {rate:.3f}")
    for ranking, name, key, style in _both(test, baseline):
        true, _ = _shares(ranking)
        precision = np.cumsum(ranking.shares) / np.arange(1, len(ranking.shares) + 1)
        axes.plot(true[1:], precision, **style, label=f"{name}, AP {metrics[f'{key}average_precision']:.3f}")
    axes.legend(loc="lower left", frameon=False)
    return axes.figure


def _calibration(test: BinaryTest, metrics: dict[str, float], title: str) -> Any:
    """Plot predicted against observed share of positives by tenth of the rows; perfect is the diagonal."""
    groups, axes = binned(test.scores, test.labels), _unit_axes(title, "Foretold probability", "Share it came true for")
    axes.plot([0, 1], [0, 1], **DASHED, label="as foretold")
    axes.axhline(test.usual, color=BRASS, linewidth=1.5, label=f"share in training, {test.usual:.3f}")
    axes.plot([mean for mean, _, _ in groups], [share for _, share, _ in groups], "o-", color=INK, label="a tenth each")
    note = f"foretold / came {metrics['calibration_in_the_large']:.2f}   ECE {metrics['ece']:.3f}"
    axes.text(0.97, 0.04, note, ha="right", transform=axes.transAxes, color=INK)
    axes.legend(loc="upper left", frameon=False)
    return axes.figure


def _gain(test: BinaryTest, metrics: dict[str, float], baseline: str, title: str) -> Any:
    """Plot the cumulative gain: the share of all positives among those with the highest scores."""
    import numpy as np

    axes = _unit_axes(title, "Share of customers, highest score first", "Share of positives found")
    rate = float(test.labels.mean())
    axes.plot([0, 1], [0, 1], **DASHED, label="by chance")
    axes.plot([0, rate, 1], [0, 1, 1], color=GREY, linewidth=1, label="perfect")
    for ranking, name, key, style in _both(test, baseline):
        true, _ = _shares(ranking)
        lift = f"lift at 10 % {metrics[f'{key}lift_at_10pct']:.2f}"
        axes.plot(np.linspace(0, 1, len(true)), true, **style, label=f"{name}, {lift}")
    axes.legend(loc="lower right", frameon=False)
    return axes.figure


def _cost(test: BinaryTest, contacts: ContactPrice, baseline: str, title: str) -> Any:
    import numpy as np

    axes = axes_of(title)
    for ranking, name, _, style in _both(test, baseline):
        profit = contacts.curve(ranking)
        axes.plot(np.linspace(0, 1, len(profit)), profit, **style, label=name)
    axes.plot([0, 1], [0, profit[-1]], **DASHED, label="by chance")
    share = float((test.scores >= contacts.pays_from).mean())
    axes.axvline(share, color=INK, linewidth=1, linestyle=":", label=f"worth it by probability, {share:.0%}")
    axes.set(xlabel="Share of customers contacted, highest score first", xlim=(0, 1))
    axes.set(ylabel=f"Profit of 1,000 customers (contact {contacts.cost:g}, margin {contacts.margin:g})")
    axes.legend(loc="lower center", frameon=False)
    return axes.figure


def _both(test: BinaryTest, baseline: str) -> list[tuple[Ranking, str, str, dict[str, Any]]]:
    """Rankings with the name of each, the beginning of its metrics, and its style."""
    return [(test.baseline_ranking, baseline, "baseline_", BASELINE), (test.ranking, "model", "", MODEL)]


def _unit_axes(title: str, xlabel: str, ylabel: str) -> Any:
    axes = axes_of(title)
    axes.set(xlabel=xlabel, ylabel=ylabel, xlim=(0, 1), ylim=(0, 1.01))
    axes.set_aspect("equal")
    return axes
