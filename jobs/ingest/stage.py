"""The stage that brings the feeds in."""

from __future__ import annotations

from collections.abc import Sequence

import typer

from quanyu.discover import Catalogue
from quanyu.grammar.declaration import Problems
from quanyu.run.runner import Step
from quanyu.run.stage import Stage


class IngestStage(Stage):
    """Reads landed files into bronze, silver and quarantine: a step for every source."""

    name = "ingest"

    def steps(self, catalogue: Catalogue) -> Sequence[Step]:
        """A step for every source."""
        from jobs.ingest.steps import steps

        return steps(catalogue)

    def commands(self, app: typer.Typer) -> None:
        """Add `quanyu replay`."""
        from jobs.ingest.commands import replay

        app.command()(replay)

    def check(self, catalogue: Catalogue, problems: Problems) -> None:
        """Check how each source fills its tables."""
        for source in catalogue.sources.values():
            problems.found += source.problems(catalogue.tables).found
