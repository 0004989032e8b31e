"""The stages of what comes back from platforms: results are fetched before the day's feeds are read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from jobs.results.facts import ConversionFacts, FetchFacts, ReturnFacts
from quanyu.discover import Catalogue
from quanyu.grammar.declaration import Problems
from quanyu.run.runner import Step
from quanyu.run.stage import Stage

if TYPE_CHECKING:
    from quanyu.home.migration import Migration


class ResultStage(Stage):
    """Fetches campaign results of accounts into landing."""

    name = "results"
    facts = (FetchFacts,)

    def steps(self, catalogue: Catalogue) -> Sequence[Step]:
        """A step for every account whose results are fetched."""
        from jobs.results.campaigns import steps

        return steps(catalogue)

    def check(self, catalogue: Catalogue, problems: Problems) -> None:
        """Check that fetched results have a feed to land in."""
        from jobs.results.campaigns import check

        check(catalogue, problems)

    def migrations(self) -> Sequence[Migration]:
        """Conversions were whole numbers before platforms with fractions reported them."""
        from jobs.results.earlier_form import fractional_conversions

        return [fractional_conversions()]


class ReturnStage(Stage):
    """Compares what ads cost and brought, and reports our purchases to platforms."""

    name = "returns"
    after = ("exports",)
    facts = (ReturnFacts, ConversionFacts)

    def steps(self, catalogue: Catalogue) -> Sequence[Step]:
        """The comparison, and a step for every account that purchases are reported to."""
        from jobs.results import conversions, export_results

        return [export_results.step(catalogue), *conversions.steps(catalogue)]
