"""The stage of the catalogue: statistics of tags, their drift and the history of definitions."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType

from jobs.catalogue.facts import DriftFacts
from quanyu.discover import Catalogue
from quanyu.run.facts import of_kind
from quanyu.run.runner import Result, Step
from quanyu.run.stage import Stage
from quanyu.run.summary.panels import figures

# The summary names so many.
MOST_DRIFTED = 10


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
        """Tags and features that are distributed otherwise than in their reference week, the most changed first."""
        drifted = {name: index for _, facts in of_kind(results, DriftFacts) for name, index in facts.drifted.items()}
        worst = sorted(drifted, key=lambda name: (-drifted[name], name))
        rows = [(name, f"{drifted[name]:.2f}") for name in worst[:MOST_DRIFTED]]
        others = len(worst) - len(rows)
        more = [(f"and {others} more: quanyu tags", "")] if others else []
        return figures("Drifted since the reference week (PSI above 0.2)", ("tag or feature", "PSI"), [*rows, *more])
