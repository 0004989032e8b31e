"""Figures of uplift on later campaigns: rankings beside the response model's, and whether effects come as foretold."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ml.uplift.comparison import FIRST, RESPONSE, HeldOut, Terms, UpliftEvidence, evidence_of
from ml.uplift.qini import UpliftRanking
from ml.uplift.resampling import ConfidenceInterval, draws_of, resampled

if TYPE_CHECKING:
    import pandas as pd

    from ml.uplift.experiment import Experiment, Floats

REPEATS, SEED, TENTHS = 200, 20111209, 10
OF_PAIRS = ("uplift_at_30pct_over_response", "uplift_at_30pct_over_all", "mean_uplift", "uplift_less_effect",
            "effect_slope")  # fmt: skip
OF_EVIDENCE = ("qini", "baseline_qini", "qini_over_response", "uplift_at_30pct", "baseline_uplift_at_30pct", "effect")
OF_COSTS = ("gain", "gain_over_all")
COUNTS = ("positives", "treated", "controls")


def with_bounds(names: Iterable[str]) -> tuple[str, ...]:
    """Names of figures, each with those of its bounds."""
    return tuple(f"{name}{end}" for name in names for end in ("", "_low", "_high"))


METRICS = (*COUNTS, *with_bounds([*OF_EVIDENCE, *OF_PAIRS, *OF_COSTS]))


@dataclass(frozen=True)
class CampaignTest:
    """Randomised rows that nothing was learned from, with what was foretold of them.

    `uplift` and `response` have shape (rows,); `kind` is the learner of uplift.
    """

    experiment: Experiment
    uplift: Floats
    response: Floats
    kind: str
    terms: Terms

    @cached_property
    def rankings(self) -> dict[str, UpliftRanking]:
        """The ranking by uplift, and that of the response model."""
        return {name: UpliftRanking(self.experiment, scores) for name, scores in self._scores.items()}

    @cached_property
    def evidence(self) -> UpliftEvidence:
        """What the rows say on whom to contact, with intervals."""
        pays = {name: self.terms.margin * scores > self.terms.cost for name, scores in self._scores.items()}
        held_out = HeldOut(np.arange(len(self.experiment)), self.rankings, pays)
        return evidence_of(self.experiment, [held_out], self.terms, REPEATS, SEED)

    @property
    def _scores(self) -> dict[str, Floats]:
        return {self.kind: self.uplift, RESPONSE: self.response}

    def metrics(self) -> dict[str, float]:
        """Figures by name, those of rankings and effects with `_low` and `_high`; OF_COSTS where a contact costs."""
        evidence, experiment = self.evidence, self.experiment
        intervals = {
            "qini": evidence.qini[self.kind],
            "baseline_qini": evidence.qini[RESPONSE],
            "qini_over_response": evidence.over_response[self.kind],
            "uplift_at_30pct": evidence.first[self.kind],
            "baseline_uplift_at_30pct": evidence.first[RESPONSE],
            "effect": evidence.effect,
            **self._paired(),
        }
        if self.terms.cost:
            intervals |= {"gain": evidence.gains[self.kind], "gain_over_all": evidence.over_all[self.kind]}
        figures = {
            "positives": experiment.outcome.sum(),
            "treated": experiment.treated.sum(),
            "controls": (~experiment.treated).sum(),
        }
        for name, interval in intervals.items():
            figures |= {name: interval.value, f"{name}_low": interval.low, f"{name}_high": interval.high}
        return {name: float(value) for name, value in figures.items()}

    def over(self, other: CampaignTest) -> ConfidenceInterval:
        """The Qini of the uplift above that of another test of the same rows."""
        own, others = self.rankings[self.kind], other.rankings[other.kind]

        def difference(counts: Floats | None) -> float:
            return own.qini(counts) - others.qini(counts)

        return resampled(difference, self.experiment.units, REPEATS, SEED)

    def _paired(self) -> dict[str, ConfidenceInterval]:
        """Differences and the slope with intervals, in the order of OF_PAIRS."""
        draws = draws_of(self.experiment.units, REPEATS, SEED)
        values, drawn = self._pairs(None), np.array([self._pairs(counts) for counts in draws])
        return {
            name: ConfidenceInterval.of(value, drawn[:, place])
            for place, (name, value) in enumerate(zip(OF_PAIRS, values, strict=True))
        }

    def _pairs(self, counts: Floats | None) -> tuple[float, ...]:
        """Figures of OF_PAIRS; `counts` says how often each row was drawn, shape (rows,)."""
        weights = np.ones(len(self.experiment)) if counts is None else counts
        effects, uplift = self.experiment.pseudo_effects, self.uplift
        of_uplift, of_response = (ranking.uplift_at(FIRST, counts) for ranking in self.rankings.values())
        effect, mean = np.average(effects, weights=weights), np.average(uplift, weights=weights)
        variance = np.average((uplift - mean) ** 2, weights=weights)
        slope = np.average((uplift - mean) * effects, weights=weights) / variance if variance > 0 else float("nan")
        return of_uplift - of_response, of_uplift - float(effect), float(mean), float(mean - effect), float(slope)

    def tenths(self) -> pd.DataFrame:
        """A row for each tenth by uplift, highest first: tenth, foretold, came (an unbiased estimate), low, high, rows.

        Rows with the same uplift are split by their order.
        """
        import pandas as pd

        order = np.argsort(-self.uplift, kind="stable")
        groups = [rows for rows in np.array_split(order, TENTHS) if len(rows)]
        effects = self.experiment.pseudo_effects
        drawn = np.array([
            [np.average(effects[rows], weights=counts[rows]) if counts[rows].any() else np.nan for rows in groups]
            for counts in draws_of(self.experiment.units, REPEATS, SEED)
        ])  # fmt: skip
        rows = []
        for place, group in enumerate(groups):
            came = ConfidenceInterval.of(float(effects[group].mean()), drawn[:, place])
            rows.append((place + 1, float(self.uplift[group].mean()), came.value, came.low, came.high, len(group)))
        return pd.DataFrame(rows, columns=["tenth", "foretold", "came", "low", "high", "rows"])
