"""What the insight of audiences found out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from quanyu.run.facts import Facts


@dataclass(frozen=True)
class InsightFacts(Facts):
    """Number of audiences that were described, and how far each that has drifted is from its reference day (PSI)."""

    described: int
    drifted: Mapping[str, float]
