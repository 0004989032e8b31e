"""What the evaluation of audiences found out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from quanyu.run.facts import Facts


@dataclass(frozen=True)
class TagFacts(Facts):
    """How many entities have each tag that is a state, and each class or band of the others."""

    tags: Mapping[str, int]
    classes: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class AudienceFacts(Facts):
    """Number of members of each audience about an entity, and why others were not updated to the day.

    `lifts` has, by lookalike audience and seed, its `members`, `size` of the expansion, `lift`, `low` and `high`;
    `chosen` the seed that is expanded, empty where none is surely better than chance.
    """

    audiences: Mapping[str, int]
    stale: Mapping[str, str]
    entity: str = "customer"
    lifts: Mapping[str, Mapping[str, Mapping[str, float]]] = field(default_factory=dict)
    chosen: Mapping[str, str] = field(default_factory=dict)

    def seeds(self) -> Iterator[tuple[str, ...]]:
        """Rows of the seeds that were tried: audience, seed, members, size found, lift, and its interval."""
        for audience, by_seed in self.lifts.items():
            for seed, lift in by_seed.items():
                name = f"{seed} (chosen)" if seed == self.chosen.get(audience) else seed
                counted = f"{lift['members']:,.0f}", f"{lift['size']:,.0f}"
                yield audience, name, *counted, f"{lift['lift']:.2f}", f"{lift['low']:.2f} to {lift['high']:.2f}"
