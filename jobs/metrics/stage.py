"""The stage that computes the metrics of the business."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType
from rich.text import Text

from jobs.metrics.facts import MetricFacts
from quanyu.discover import Catalogue
from quanyu.grammar.declaration import Problems
from quanyu.grammar.lifecycle import Use
from quanyu.run.facts import of_kind
from quanyu.run.runner import Result, Step
from quanyu.run.stage import Stage


class MetricStage(Stage):
    """Computes every metric by day, in total and by dimension."""

    name = "metrics"
    after = ("journeys", "returns")
    facts = (MetricFacts,)

    def steps(self, catalogue: Catalogue) -> Sequence[Step]:
        """One step for all metrics, which are made of each other."""
        from jobs.metrics.steps import steps

        return steps(catalogue)

    def check(self, catalogue: Catalogue, problems: Problems) -> None:
        """Check metrics and their tree."""
        from jobs.metrics.plans import profiles_of
        from quanyu.grammar.metrics.checks import check_metrics

        check_metrics(catalogue.metrics, catalogue.metric_tree, catalogue.tables, profiles_of(catalogue), problems)

    def uses(self, catalogue: Catalogue) -> Sequence[Use]:
        """What metrics over profiles name."""
        from jobs.metrics.plans import uses

        return uses(catalogue)

    def report(self, results: Sequence[Result]) -> Sequence[RenderableType]:
        """How many metrics have a value of the day, and how many have none."""
        return [
            Text(f"Metrics: {facts.computed:,} with a value of the day, {len(facts.lacking):,} without one")
            for _, facts in of_kind(results, MetricFacts)
        ]

    def suggest(self, results: Sequence[Result]) -> Sequence[str]:
        """Show the metrics."""
        return ["quanyu metrics" for _ in of_kind(results, MetricFacts)]
