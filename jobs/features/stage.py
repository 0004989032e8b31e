"""The stage that computes features and tags as of the day."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import RenderableType

from quanyu.discover import Catalogue
from quanyu.run.panels import figures
from quanyu.run.runner import Result, Step
from quanyu.run.stage import Stage


class FeatureStage(Stage):
    """A step for every feature view."""

    name = "features"
    after = ("unify",)

    def steps(self, catalogue: Catalogue) -> Sequence[Step]:
        """A step for every feature view."""
        from quanyu.as_of import steps

        return steps(catalogue)

    def report(self, results: Sequence[Result]) -> Sequence[RenderableType]:
        """Customers with each tag, and their share."""
        outcomes = [result.outcome for result in results if result.outcome.facts.get("tags")]
        counts: dict[str, Any] = {}
        for outcome in outcomes:
            counts |= outcome.facts["tags"]
        total = max((outcome.rows_in for outcome in outcomes), default=0)
        rows = ((tag, f"{count:,}", f"{count / total:.1%}" if total else "·") for tag, count in counts.items())
        return figures("Tags", ("tag", "customers", "coverage"), rows)
