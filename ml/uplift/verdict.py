"""Whom a campaign should be sent to: by uplift, by response, to all or to none, with the figures behind it in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ml.uplift.comparison import FIRST, RESPONSE, UpliftEvidence

NAMES = {
    "s_learner": "S-learner", "t_learner": "T-learner", "class_transformation": "class transformation",
    RESPONSE: "response model",
}  # fmt: skip
Target = Literal["uplift", "response", "all", "none"]


@dataclass(frozen=True)
class TargetingVerdict:
    """Whom to send to, by which learner (empty for all and none), and why, in a sentence or two."""

    target: Target
    learner: str
    beats_response: bool
    """Whether a learner of uplift ranks better than the response model and than chance, surely."""
    sentence: str


def verdict(evidence: UpliftEvidence) -> TargetingVerdict:
    """Judge the figures of an experiment.

    A ranking counts if it beats chance: that of the response model if its Qini is above 0, one of uplift if it is also
    above that of the response model. Where contact costs, it must also gain, and more than contact with all does.
    Where contact costs nothing, it says who comes first.
    """
    beats = evidence.over_response[evidence.best].low > 0 and evidence.qini[evidence.best].low > 0
    order = evidence.best if beats else RESPONSE if evidence.qini[RESPONSE].low > 0 else ""
    target: Target = "uplift" if beats else "response"
    if order and (_pays(evidence, order) if evidence.terms.cost else _works(evidence, order)):
        return TargetingVerdict(target, order, beats, f"Target by {target}: {_why_order(evidence, order)}")
    if evidence.net.low > 0:
        return TargetingVerdict("all", "", beats, f"Target all: {_why_all(evidence, order)}")
    return TargetingVerdict("none", "", beats, f"Target none: {_why_none(evidence)}. {_sentence(evidence)}")


def _works(evidence: UpliftEvidence, order: str) -> bool:
    return evidence.effect.low > 0 or evidence.first[order].low > 0


def _pays(evidence: UpliftEvidence, order: str) -> bool:
    return evidence.gains[order].low > 0 and (evidence.over_all[order].low > 0 or evidence.net.low <= 0)


def _why_order(evidence: UpliftEvidence, order: str) -> str:
    words = f"{_against_response(evidence)}. Among the first {FIRST:.0%} of its ranking contact changes the outcome by"
    words = f"{words} {evidence.first[order]}, among all by {evidence.effect}"
    if evidence.terms.cost:
        return (
            f"{words} Contact with those who seem to pay gains {evidence.gains[order]} per customer,"
            f" {evidence.over_all[order]} more than contact with all."
        )
    return words


def _why_all(evidence: UpliftEvidence, order: str) -> str:
    words = f"contact changes the outcome by {evidence.effect} on average"
    if evidence.terms.cost:
        words += f" and gains {evidence.net} per customer after costs"
    if not order and evidence.qini[evidence.best].low <= 0:
        words += ", and nothing shows that it differs between customers: no ranking beats a random order"
    elif not order:
        words += ", and a ranking by uplift beats a random order, but is not shown to beat the response model"
    else:
        words += f", and contact by the {NAMES[order]} gains no more ({evidence.over_all[order]})"
    return f"{words}. {_sentence(evidence)}"


def _why_none(evidence: UpliftEvidence) -> str:
    if evidence.effect.high <= 0:
        return f"contact changes the outcome by {evidence.effect}, and no ranking finds customers whom it helps"
    if evidence.effect.low <= 0:
        return f"no effect is shown; contact changes the outcome by {evidence.effect}"
    return f"contact works ({evidence.effect}), but costs as much as it brings: it gains {evidence.net} per customer"


def _sentence(evidence: UpliftEvidence) -> str:
    words = _against_response(evidence)
    return f"{words[0].upper()}{words[1:]}."


def _against_response(evidence: UpliftEvidence) -> str:
    best, over = evidence.best, evidence.over_response[evidence.best]
    qini = f"Qini {evidence.qini[best]} against {evidence.qini[RESPONSE]}, difference {over}"
    where = f"on {evidence.halves} random halves" if evidence.halves else "on later campaigns"
    if over.low > 0:
        return f"the {NAMES[best]} ranks better than the response model ({qini}, {where})"
    return f"no uplift learner beats the response model (the best, the {NAMES[best]}: {qini}, {where})"
