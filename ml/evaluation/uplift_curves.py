"""Plots of uplift on later campaigns: the Qini curve beside the response model's, and effects by tenth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ml.evaluation.curves import BASELINE, BRASS, DASHED, MODEL
from ml.lifecycle.plots import GREY, INK, axes_of
from ml.uplift.comparison import RESPONSE
from ml.uplift.verdict import NAMES

if TYPE_CHECKING:
    import pandas as pd

    from ml.evaluation.campaign import CampaignTest

CUSTOMERS = 1000


def plots(test: CampaignTest, title: str) -> dict[str, Any]:
    """Figures of matplotlib by name: qini and uplift_by_tenth."""
    return {"qini": _qini(test, title), "uplift_by_tenth": _tenths(test, test.tenths(), title)}


def _qini(test: CampaignTest, title: str) -> Any:
    """Outcomes that contact adds, by the share of customers who are contacted, highest score first."""
    axes = axes_of(title)
    gained = 0.0
    for name, style in ((RESPONSE, BASELINE), (test.kind, MODEL)):
        shares, gained_so_far = _gained(test, name)
        gained, qini = float(gained_so_far[-1]), test.evidence.qini[name]
        label = f"{NAMES[name]}, Qini {qini.value:.3f} [{qini.low:.3f}, {qini.high:.3f}]"
        axes.plot(shares, gained_so_far, **style, label=label)
    axes.plot([0, 1], [0, gained], **DASHED, label="at random, Qini 0")
    axes.set(xlabel="Share of customers contacted, highest score first", xlim=(0, 1))
    axes.set(ylabel=f"Outcomes added, of {CUSTOMERS:,} customers")
    axes.legend(loc="lower right", frameon=False, fontsize=9)
    return axes.figure


def _gained(test: CampaignTest, name: str) -> tuple[Any, Any]:
    """Share of customers, and outcomes that contact with them adds among so many customers: both (scores + 1,)."""
    rows, gains = test.rankings[name].curve()
    # The curve counts outcomes of the treated alone.
    treated = float((test.experiment.treated * test.experiment.weights).sum())
    return rows / rows[-1], gains / treated * CUSTOMERS


def _tenths(test: CampaignTest, tenths: pd.DataFrame, title: str) -> Any:
    """Plot the effect of contact by tenth of the customers: what was foretold, and what came with its interval."""
    axes, places = axes_of(title), tenths["tenth"].to_numpy("float64")
    axes.bar(places, 100 * tenths["foretold"], 0.8, color=GREY, alpha=0.5, label="foretold")
    reach = 100 * np.abs(tenths[["low", "high"]].to_numpy().T - tenths["came"].to_numpy())
    axes.errorbar(places, 100 * tenths["came"], yerr=reach, fmt="o", color=INK, capsize=3, label="came, 95 % interval")
    effect = test.evidence.effect
    axes.axhline(100 * effect.value, color=BRASS, linewidth=1.5, label=f"of all, {100 * effect.value:.1f} points")
    axes.axhline(0, color=GREY, linewidth=1)
    axes.set(xlabel="Tenth of the customers, highest uplift first")
    axes.set(ylabel="Effect of contact on the outcome, in percentage points")
    axes.set_xticks(places)
    axes.legend(loc="best", frameon=False, fontsize=9)
    return axes.figure
