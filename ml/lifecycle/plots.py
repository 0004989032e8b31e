"""Plots of an evaluated model, as PNG."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ml.lifecycle.evaluate import Judged, binned

INK, GREY, PALE = "#1f4e79", "#8a8a8a", "#e4e4e4"


def calibration_plot(judged: Judged, title: str) -> bytes:
    """Plot predicted against observed share of positives by tenth of the customers; perfect is the diagonal."""
    groups = binned(judged.scores, judged.labels)
    with _figure(title) as (axes, png):
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--", label="as foretold")
        axes.plot(
            [mean for mean, _, _ in groups], [share for _, share, _ in groups], "o-", color=INK, label="a tenth each"
        )
        axes.set(xlabel="Foretold probability", ylabel="Share it came true for", xlim=(0, 1), ylim=(0, 1))
        axes.set_aspect("equal")
        axes.text(0.97, 0.04, f"ECE {judged.metrics['ece']:.3f}", ha="right", transform=axes.transAxes, color=INK)
        axes.legend(loc="upper left", frameon=False)
    return png.getvalue()


def gain_plot(judged: Judged, title: str) -> bytes:
    """Plot the cumulative gain: the share of all positives among the customers with the highest scores."""
    import numpy as np

    positives = np.cumsum(judged.labels[np.argsort(-judged.scores, kind="stable")])
    total = max(positives[-1], 1.0) if len(positives) else 1.0
    share = np.arange(len(positives) + 1) / max(len(positives), 1)
    rate = total / max(len(positives), 1)
    with _figure(title) as (axes, png):
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--", label="by chance")
        axes.plot([0, rate, 1], [0, 1, 1], color=GREY, linewidth=1, label="perfect")
        axes.plot(share, np.concatenate([[0.0], positives]) / total, color=INK, linewidth=2, label="by score")
        axes.set(xlabel="Share of customers, highest score first", ylabel="Share of positives found")
        axes.set(xlim=(0, 1), ylim=(0, 1.01))
        axes.set_aspect("equal")
        note = f"AUC {judged.metrics['auc']:.3f}   lift at 10 % {judged.metrics['lift_at_10pct']:.2f}"
        axes.text(0.97, 0.04, note, ha="right", transform=axes.transAxes, color=INK)
        axes.legend(loc="lower right", bbox_to_anchor=(1, 0.08), frameon=False)
    return png.getvalue()


def weight_plot(weights: Mapping[str, Sequence[float]], title: str) -> bytes:
    """Plot the match weight in bits of each level of each comparison: for or against the same person."""
    bars = [(f"{name} {level}", bits) for name, levels in weights.items() for level, bits in enumerate(levels, 1)]
    with _figure(title) as (axes, png):
        places = range(len(bars), 0, -1)
        axes.barh(places, [bits for _, bits in bars], color=[INK if bits > 0 else GREY for _, bits in bars])
        axes.set_yticks(list(places), [name for name, _ in bars], fontsize=6)
        axes.set(xlabel="Weight in bits: against one person, or for it")
        axes.axvline(0, color=GREY, linewidth=1)
    return png.getvalue()


@contextmanager
def _figure(title: str) -> Iterator[tuple[Any, io.BytesIO]]:
    # Without pyplot there is no global state and no window.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure, png = Figure(figsize=(5.2, 5.2), layout="constrained"), io.BytesIO()
    axes = figure.add_subplot()
    axes.set_title(title, fontsize=11, loc="left")
    axes.grid(color=PALE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    yield axes, png
    FigureCanvasAgg(figure).print_png(png, metadata={"Software": None})
