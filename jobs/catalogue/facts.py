"""What the statistics of tags found out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from quanyu.run.facts import Facts


@dataclass(frozen=True)
class DriftFacts(Facts):
    """Population stability index of each tag or feature that has drifted, by `entity scene.tag`."""

    drifted: Mapping[str, float]
