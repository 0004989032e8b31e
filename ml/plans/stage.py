"""The stage of plans: the arm of each customer in campaigns that are announced."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType

from ml.plans.facts import PlanFacts
from quanyu.discover import Catalogue
from quanyu.grammar.declaration import Problems
from quanyu.grammar.lifecycle import Use
from quanyu.run.facts import of_kind
from quanyu.run.runner import Result, Step
from quanyu.run.stage import Stage
from quanyu.run.summary.panels import lines


class PlanStage(Stage):
    """Plans campaigns that have offers, before they begin."""

    name = "plans"
    after = ("audiences",)
    facts = (PlanFacts,)

    def steps(self, catalogue: Catalogue) -> Sequence[Step]:
        """The step of all plans, or none if no campaign has offers."""
        from ml.plans.steps import steps

        return steps(catalogue)

    def check(self, catalogue: Catalogue, problems: Problems) -> None:
        """Check offers, and the models of which they are made."""
        from ml.plans.check import check

        check(catalogue, problems)

    def uses(self, catalogue: Catalogue) -> Sequence[Use]:
        """What rules of offers name of customers."""
        from ml.plans.check import uses

        return uses(catalogue)

    def report(self, results: Sequence[Result]) -> Sequence[RenderableType]:
        """How each campaign was planned, and why so."""
        return lines("Plans of campaigns", (
            (f"{campaign}: " + ", ".join(f"{arm} {count:,}" for arm, count in arms.items()), facts.verdicts[campaign])
            for _, facts in of_kind(results, PlanFacts) for campaign, arms in facts.planned.items()
        ))  # fmt: skip
