"""The stage that decides who is in each audience."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType

from jobs.audiences.facts import AudienceFacts
from quanyu.discover import Catalogue
from quanyu.grammar.declaration import Problems
from quanyu.run.facts import of_kind
from quanyu.run.panels import figures
from quanyu.run.runner import Result, Step
from quanyu.run.stage import Stage


class AudienceStage(Stage):
    """Evaluates all audiences in one pass, and records who entered and who left."""

    name = "audiences"
    after = ("score",)
    facts = (AudienceFacts,)

    def steps(self, catalogue: Catalogue) -> Sequence[Step]:
        """The step of memberships, or none if there are no audiences."""
        from jobs.audiences.steps import steps

        return steps(catalogue)

    def check(self, catalogue: Catalogue, problems: Problems) -> None:
        """Check the rules, measures and platforms of audiences."""
        from jobs.exports.steps import platforms

        names = sorted(platforms())
        for audience in catalogue.audiences.values():
            problems.found += audience.problems(catalogue.known, catalogue.tables, names).found

    def report(self, results: Sequence[Result]) -> Sequence[RenderableType]:
        """Customers in each audience."""
        counts = (each for _, facts in of_kind(results, AudienceFacts) for each in facts.audiences.items())
        sizes = ((name, f"{count:,}") for name, count in counts)
        return figures("Audiences", ("audience", "customers"), sizes)
