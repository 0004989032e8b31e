"""The stage that describes audiences, after what is sent to them."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType

from jobs.insight.facts import InsightFacts
from quanyu.discover import Catalogue
from quanyu.errors import nearest
from quanyu.grammar.declaration import Problems
from quanyu.run.facts import of_kind
from quanyu.run.runner import Result, Step
from quanyu.run.stage import Stage
from quanyu.run.summary.panels import figures


class InsightStage(Stage):
    """Describes what audiences are like, and warns of what changed."""

    name = "insight"
    after = ("journeys",)
    facts = (InsightFacts,)

    def steps(self, catalogue: Catalogue) -> Sequence[Step]:
        """One step for what audiences are like, and one for what programmes brought."""
        from jobs.insight import steps
        from jobs.insight.lift import steps as of_lift

        return [*steps.steps(catalogue), *of_lift.steps(catalogue)]

    def check(self, catalogue: Catalogue, problems: Problems) -> None:
        """Check the names in the settings."""
        names = catalogue.names(catalogue.entities["customer"])
        for name in catalogue.settings.insight.names():
            if name not in names:
                problems.add("base.yml", "insight", f"unknown name {name!r}; {nearest(name, names)}")

    def report(self, results: Sequence[Result]) -> Sequence[RenderableType]:
        """Audiences whose members are others than on their reference day."""
        drifted = {name: index for _, facts in of_kind(results, InsightFacts) for name, index in facts.drifted.items()}
        rows = [(name, f"{index:.2f}") for name, index in sorted(drifted.items(), key=lambda one: -one[1])]
        return figures("Audiences whose members are others than on their reference day", ("audience", "PSI"), rows)
