"""The stage that brings the feeds in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from jobs.ingest.facts import IngestFacts
from quanyu.discover import Catalogue
from quanyu.grammar.declaration import Problems
from quanyu.run.facts import of_kind
from quanyu.run.planning.plan import Trial
from quanyu.run.runner import Result, Step
from quanyu.run.stage import Stage


class IngestStage(Stage):
    """Reads landed files into bronze, silver and quarantine: a step for every source."""

    name = "ingest"
    after = ("results",)
    facts = (IngestFacts,)

    def steps(self, catalogue: Catalogue) -> Sequence[Step]:
        """A step for every source."""
        from jobs.ingest.steps import steps

        return steps(catalogue)

    def check(self, catalogue: Catalogue, problems: Problems) -> None:
        """Check how each source fills its tables."""
        for source in catalogue.sources.values():
            problems.found += source.problems(catalogue.tables).found

    def suggest(self, results: Sequence[Result]) -> Sequence[str]:
        """Show the rows of a source that were quarantined."""
        bad = (result.step for result, _ in of_kind(results, IngestFacts) if result.outcome.quarantined)
        return [f"quanyu table quarantine/{step.partition('.')[2]}" for step in bad]

    def effects(self, trial: Trial) -> Mapping[str, Sequence[str]]:
        """Rows that the newest file of a source would give."""
        from jobs.ingest.preview import effects

        return effects(trial)
