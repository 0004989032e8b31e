"""The stage that decides who is in each audience."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType

from quanyu.discover import Catalogue
from quanyu.grammar.declaration import Problems
from quanyu.run.panels import figures
from quanyu.run.runner import Result, Step
from quanyu.run.stage import Stage


class AudienceStage(Stage):
    """Evaluates all audiences in one pass, and records who entered and who left."""

    name = "audiences"
    after = ("score",)

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
        sizes = [(name, f"{count:,}") for result in results
                 for name, count in (result.outcome.facts.get("audiences") or {}).items()]  # fmt: skip
        return figures("Audiences", ("audience", "customers"), sizes)
