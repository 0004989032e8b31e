"""What the training of a model found out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from quanyu.run.facts import Facts


@dataclass(frozen=True)
class TrainingFacts(Facts):
    """Metrics of a model on its later period, headings of those that a summary shows, and whether it is champion."""

    model: str
    metrics: Mapping[str, float]
    champion: bool
    headings: Mapping[str, str] = field(default_factory=dict)
