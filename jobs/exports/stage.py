"""The stage that sends members of audiences to advertising platforms."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType
from rich.text import Text

from quanyu.discover import Catalogue
from quanyu.run.runner import Result, Step
from quanyu.run.stage import Stage


class ExportStage(Stage):
    """Delivers one set per day, audience and platform."""

    name = "exports"
    after = ("audiences",)

    def steps(self, catalogue: Catalogue) -> Sequence[Step]:
        """A step for every audience and platform."""
        from jobs.exports.steps import steps

        return steps(catalogue)

    def report(self, results: Sequence[Result]) -> Sequence[RenderableType]:
        """Where each set lies, and how many rows it has."""
        exports = [r for r in results if r.step.startswith("export.") and r.outcome.facts.get("location")]
        return [Text(f"{r.step}: {r.outcome.facts['rows']:,} rows in {r.outcome.facts['location']}") for r in exports]
