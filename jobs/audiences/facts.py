"""What the evaluation of audiences found out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from quanyu.run.facts import Facts


@dataclass(frozen=True)
class TagFacts(Facts):
    """How many entities have each tag that is a state, and each class or band of the others."""

    tags: Mapping[str, int]
    classes: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class AudienceFacts(Facts):
    """Number of members of each audience about an entity, and why others were not updated to the day."""

    audiences: Mapping[str, int]
    stale: Mapping[str, str]
    entity: str = "customer"
