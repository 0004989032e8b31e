"""What the training of a model found out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from quanyu.run.facts import Facts


@dataclass(frozen=True)
class TrainingFacts(Facts):
    """Metrics of a model on its later period, and whether it became champion."""

    model: str
    metrics: Mapping[str, float]
    champion: bool
