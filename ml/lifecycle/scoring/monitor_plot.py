"""The plot of a model since its training: drift, and below it how scores came true."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from ml.lifecycle.plots import GREY, INK, panels_of
from ml.lifecycle.scoring.drift import LARGE, SCORE
from ml.lifecycle.scoring.monitor import PLACE
from quanyu.run.runner import Context

BOUNDS = ("_low", "_high")
# What a measure is when scores are right, or say nothing.
LINES = {"auc": (0.5, "chance"), "calibration": (1.0, "as foretold"), "qini": (0.0, "random order"),
         "qini_over_response": (0.0, "as the response model"), "effect": (0.0, "no effect"),
         "uplift_at_30pct": (0.0, "no effect"), "correlation": (0.0, "none")}  # fmt: skip
LABELS = {
    "auc": "AUC", "calibration": "Foretold / came", "mae": "Mean error", "qini": "Qini",
    "qini_over_response": "Qini over response", "uplift_at_30pct": "Effect, first 30 %", "effect": "Effect on all",
    "mean_uplift": "Effect foretold",
}  # fmt: skip
Series = list[tuple[date, float]]


def plot(context: Context, name: str) -> Any:
    """Figure of matplotlib of a model over time: a panel for drift, and one for each measure of what came true."""
    rows = [row for row in context.lake.rows(PLACE).to_pylist() if row["model"] == name]
    series: dict[tuple[str, str], Series] = {}
    for row in sorted(rows, key=lambda row: row["scored_on"]):
        series.setdefault((row["measure"], row["subject"]), []).append((row["scored_on"], row["value"]))
    came = {measure: points for (measure, _), points in series.items() if measure != "psi"}
    measures = [measure for measure in came if not measure.endswith(BOUNDS)]
    number = 1 + len(measures)
    drift, *panels = panels_of(f"{name} since its training", number, (6.4, 2.6 + 1.7 * number))
    _draw_drift(drift, {subject: points for (measure, subject), points in series.items() if measure == "psi"})
    for axes, measure in zip(panels, measures, strict=True):
        _draw_measure(axes, measure, came)
    last = [drift, *panels][-1]
    last.set_xlabel("Day of the scores")
    last.figure.autofmt_xdate()
    return last.figure


def _draw_drift(axes: Any, by_subject: Mapping[str, Series]) -> None:
    features = "features"
    for subject, points in by_subject.items():
        main = subject == SCORE
        width, shade = (2.0, INK) if main else (0.7, GREY)
        axes.plot(*zip(*points, strict=True), marker="o", markersize=3, color=shade, linewidth=width,
                  zorder=3 if main else 2, label=SCORE if main else features)  # fmt: skip
        # One entry for all of them.
        features = features if main else "_nolegend_"
    axes.axhline(LARGE, color=GREY, linewidth=1, linestyle=":", label=f"large drift, {LARGE:g}")
    axes.set_ylabel("PSI against training")
    axes.legend(loc="upper left", frameon=False, fontsize=8)


def _draw_measure(axes: Any, measure: str, came: Mapping[str, Series]) -> None:
    """A measure with its bounds, and the line of what it is when scores say nothing or are right."""
    points = came[measure]
    axes.plot(*zip(*points, strict=True), marker="o", markersize=4, color=INK, label="came true")
    low, high = (came.get(f"{measure}{end}", []) for end in BOUNDS)
    if low and high:
        days = [day for day, _ in low]
        axes.vlines(days, [value for _, value in low], [value for _, value in high], color=INK, alpha=0.5, linewidth=3,
                    label="95 % interval")  # fmt: skip
    if measure in LINES:
        level, words = LINES[measure]
        axes.axhline(level, color=GREY, linewidth=1, linestyle="--", label=words)
    axes.set_ylabel(LABELS.get(measure, measure.replace("_", " ")), fontsize=9)
    axes.legend(loc="best", frameon=False, fontsize=8)
