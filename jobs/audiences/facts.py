"""What the evaluation of audiences found out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from quanyu.run.facts import Facts


@dataclass(frozen=True)
class TagFacts(Facts):
    """Of how many entities each boolean tag holds."""

    tags: Mapping[str, int]


@dataclass(frozen=True)
class AudienceFacts(Facts):
    """Number of members of each audience about an entity, and why others were not updated to the day."""

    audiences: Mapping[str, int]
    stale: Mapping[str, str]
    entity: str = "customer"
