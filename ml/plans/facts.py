"""What the planning of campaigns decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from quanyu.run.facts import Facts


@dataclass(frozen=True)
class PlanFacts(Facts):
    """Number of customers by arm of each campaign that was planned, and why it was planned so, or was not."""

    planned: Mapping[str, Mapping[str, int]]
    verdicts: Mapping[str, str]
