"""What the computation of metrics found out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from quanyu.run.facts import Facts


@dataclass(frozen=True)
class MetricFacts(Facts):
    """Number of metrics with a value of the day, and the others, each with the reason."""

    computed: int
    lacking: Mapping[str, str]
