"""The stage that sends members of audiences to advertising platforms."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType
from rich.text import Text

from jobs.exports.facts import ExportFacts, MirrorFacts
from quanyu.discover import Catalogue
from quanyu.grammar.declaration import Problems
from quanyu.plurals import number_of
from quanyu.run.facts import of_kind
from quanyu.run.runner import Result, Step
from quanyu.run.stage import Stage


class ExportStage(Stage):
    """Delivers one set per day, audience and platform."""

    name = "exports"
    after = ("audiences",)
    facts = (ExportFacts, MirrorFacts)

    def steps(self, catalogue: Catalogue) -> Sequence[Step]:
        """A step for every audience and platform."""
        from jobs.exports.steps import steps

        return steps(catalogue)

    def check(self, catalogue: Catalogue, problems: Problems) -> None:
        """Check the accounts on platforms."""
        from jobs.exports.destinations import check_accounts, check_forbidden

        check_accounts(catalogue, problems)
        check_forbidden(catalogue, problems)

    def report(self, results: Sequence[Result]) -> Sequence[RenderableType]:
        """Where each set lies, and how many rows it has."""
        sets = of_kind(results, ExportFacts)
        mirrors = of_kind(results, MirrorFacts)
        return [
            *(Text(f"{result.step}: {number_of(facts.rows, 'row')} in {facts.location}") for result, facts in sets),
            *(Text(f"{result.step}: {facts.added:,} added, {facts.removed:,} withdrawn, {facts.there:,} there, "
                   f"{facts.state} on {facts.platform}") for result, facts in mirrors),
        ]  # fmt: skip
