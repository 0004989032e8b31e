"""The stage of the catalogue: statistics of tags, their drift and the history of definitions."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType

from jobs.catalogue.facts import DriftFacts
from quanyu.discover import Catalogue
from quanyu.run.facts import of_kind
from quanyu.run.panels import figures
from quanyu.run.runner import Result, Step
from quanyu.run.stage import Stage


class CatalogueStage(Stage):
    """Describes the profiles of a day, and what their names mean."""

    name = "catalogue"
    after = ("journeys",)
    facts = (DriftFacts,)

    def steps(self, catalogue: Catalogue) -> Sequence[Step]:
        """The statistics of tags, and the history of definitions."""
        from jobs.catalogue.steps import steps

        return steps(catalogue)

    def report(self, results: Sequence[Result]) -> Sequence[RenderableType]:
        """Tags and features that are distributed otherwise than in their reference week."""
        rows = [
            (name, f"{index:.2f}") for _, facts in of_kind(results, DriftFacts) for name, index in facts.drifted.items()
        ]
        return figures("Drifted since the reference week (PSI above 0.2)", ("tag or feature", "PSI"), rows)
