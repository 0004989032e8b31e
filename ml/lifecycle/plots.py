"""The form of all plots, and the plot of match weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

INK, GREY, PALE = "#1f4e79", "#8a8a8a", "#e4e4e4"


def weight_plot(weights: Mapping[str, Sequence[float]], title: str) -> Any:
    """Plot the match weight in bits of each level of each comparison: for or against the same person."""
    bars = [(f"{name} {level}", bits) for name, levels in weights.items() for level, bits in enumerate(levels, 1)]
    axes, places = axes_of(title), range(len(bars), 0, -1)
    axes.barh(places, [bits for _, bits in bars], color=[INK if bits > 0 else GREY for _, bits in bars])
    axes.set_yticks(list(places), [name for name, _ in bars], fontsize=6)
    axes.set(xlabel="Weight in bits: against one person, or for it")
    axes.axvline(0, color=GREY, linewidth=1)
    return axes.figure


def axes_of(title: str) -> Any:
    """The axes of a new square figure of matplotlib, made without pyplot: no global state and no window."""
    [axes] = panels_of(title, 1, (5.2, 5.2))
    return axes


def panels_of(title: str, number: int, size: tuple[float, float]) -> list[Any]:
    """Axes of a new figure of a size in inches, one below the other over the same x; the first has the title."""
    from matplotlib.figure import Figure

    panels = Figure(figsize=size, layout="constrained").subplots(number, 1, sharex=True, squeeze=False)[:, 0]
    for axes in panels:
        axes.grid(color=PALE, linewidth=0.8)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_title(title, fontsize=11, loc="left")
    return list(panels)
