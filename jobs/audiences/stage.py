"""The stage that writes profiles with tags, and decides who is in each audience."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import RenderableType

from jobs.audiences.facts import AudienceFacts, TagFacts
from quanyu.discover import Catalogue
from quanyu.grammar.declaration import Problems
from quanyu.run.facts import of_kind
from quanyu.run.planning.plan import Trial
from quanyu.run.runner import Result, Step
from quanyu.run.stage import Stage
from quanyu.run.summary.panels import figures, lines

if TYPE_CHECKING:
    from quanyu.grammar.lifecycle import Use
    from quanyu.home.migration import Migration


class AudienceStage(Stage):
    """Writes a profile per entity, evaluates all audiences about it in one pass, and records who entered and left."""

    name = "audiences"
    after = ("score",)
    facts = (TagFacts, AudienceFacts)

    def steps(self, catalogue: Catalogue) -> Sequence[Step]:
        """The steps of profiles, and those of memberships: one per entity with audiences."""
        from jobs.audiences.steps import steps

        return steps(catalogue)

    def check(self, catalogue: Catalogue, problems: Problems) -> None:
        """Check tags, audiences and pages of entities."""
        from jobs.audiences.check import check_audiences, check_pages, check_tags
        from jobs.exports.destinations import kinds_sent

        check_tags(catalogue, problems)
        check_audiences(catalogue, kinds_sent(catalogue), problems)
        check_pages(catalogue, problems)

    def uses(self, catalogue: Catalogue) -> Sequence[Use]:
        """What tags are made of, what rules of audiences name, and what pages show."""
        from jobs.audiences.check import uses

        return uses(catalogue)

    def migrations(self) -> Sequence[Migration]:
        """Memberships were one table before they had one per entity."""
        from quanyu.home.migration import renamed_table

        return [renamed_table("gold/memberships", "gold/memberships_customer", {"memberships": "memberships.customer"})]

    def report(self, results: Sequence[Result]) -> Sequence[RenderableType]:
        """The tags of each scene that tell entities apart, the size of each audience, and the lift of each seed."""
        from jobs.audiences.tag_shares import shares

        sizes = (
            (facts.entity, ", ".join(f"{name} {count:,}" for name, count in facts.audiences.items()))
            for _, facts in of_kind(results, AudienceFacts)
        )
        seeds = [row for _, facts in of_kind(results, AudienceFacts) for row in facts.seeds()]
        return [
            *lines("Tags, by the share of entities", shares(of_kind(results, TagFacts))),
            *lines("Audiences, with their members", sizes),
            *figures("Lookalikes, by seed", ("audience", "seed", "its members", "found", "lift", "95 %"), seeds),
        ]

    def effects(self, trial: Trial) -> Mapping[str, Sequence[str]]:
        """Sizes of audiences by today's tables."""
        from jobs.audiences.preview import effects

        return effects(trial)
