"""The stage that resolves persons to customers."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType
from rich.text import Text

from quanyu.discover import Catalogue, jobs_in
from quanyu.grammar.job import Job
from quanyu.run.runner import Result, Step
from quanyu.run.stage import Stage


class UnifyStage(Stage):
    """One ID: identities, then customers, their activity and attributes."""

    name = "unify"
    after = ("ingest",)

    def steps(self, catalogue: Catalogue) -> Sequence[Step]:
        """Identities, then the tables that use them."""
        from jobs.unify.steps import steps

        return steps(catalogue)

    def jobs(self) -> Sequence[Job]:
        """The jobs of this folder."""
        return jobs_in(__package__ or "")

    def report(self, results: Sequence[Result]) -> Sequence[RenderableType]:
        """How many customers there are, and how ids changed."""
        outcomes = [result.outcome for result in results if result.step == "identities" and result.outcome.facts]
        return [
            Text(f"{facts['customers']:,} customers out of {outcome.rows_in:,} persons "
                 f"({facts['minted']:,} new ids, {facts['merged']:,} merged, {facts['split']:,} split)")
            for outcome in outcomes
            if (facts := outcome.facts)
        ]  # fmt: skip
