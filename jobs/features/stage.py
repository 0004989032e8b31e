"""The stage that computes features and tags as of the day."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType

from quanyu.discover import Catalogue
from quanyu.run.facts import TagFacts, of_kind
from quanyu.run.panels import figures
from quanyu.run.runner import Result, Step
from quanyu.run.stage import Stage


class FeatureStage(Stage):
    """A step for every feature view."""

    name = "features"
    after = ("unify",)
    facts = (TagFacts,)

    def steps(self, catalogue: Catalogue) -> Sequence[Step]:
        """A step for every feature view."""
        from quanyu.as_of import steps

        return steps(catalogue)

    def report(self, results: Sequence[Result]) -> Sequence[RenderableType]:
        """Customers with each tag, and their share."""
        tagged = of_kind(results, TagFacts)
        total = max((result.outcome.rows_in for result, _ in tagged), default=0)
        counts = (each for _, facts in tagged for each in facts.tags.items())
        rows = ((tag, f"{count:,}", f"{count / total:.1%}" if total else "·") for tag, count in counts)
        return figures("Tags", ("tag", "customers", "coverage"), rows)
