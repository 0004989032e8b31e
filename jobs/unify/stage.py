"""The stage that resolves persons to customers."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType
from rich.text import Text

from jobs.unify.facts import IdentityFacts
from quanyu.discover import Catalogue, file_names
from quanyu.errors import nearest
from quanyu.grammar.declaration import Problems
from quanyu.grammar.job import Job
from quanyu.imports import instances_in
from quanyu.plurals import number_of
from quanyu.run.facts import of_kind
from quanyu.run.runner import Result, Step
from quanyu.run.stage import Stage


class UnifyStage(Stage):
    """One ID: identities, then customers, their activity and attributes."""

    name = "unify"
    after = ("ingest",)
    facts = (IdentityFacts,)

    def steps(self, catalogue: Catalogue) -> Sequence[Step]:
        """Identities, then the tables that use them."""
        from jobs.unify.steps import steps

        return steps(catalogue)

    def jobs(self) -> Sequence[Job]:
        """The jobs of this folder."""
        return instances_in(__package__ or "", Job)

    def check(self, catalogue: Catalogue, problems: Problems) -> None:
        """Check the rules of identity, and that `survivorship` names columns of customers, and sources."""
        from jobs.unify.matching.comparison import BLOCK_FIELDS

        problems.found += catalogue.identity.problems(catalogue.tables, BLOCK_FIELDS).found
        columns = [name for name, column in catalogue.tables["customers"].columns.items() if column.survivorship]
        sources = file_names(catalogue, "sources")
        for column, order in catalogue.settings.survivorship.items():
            file = str(catalogue.settings.conf / "base.yml")
            if column not in columns:
                problems.add(file, f"survivorship.{column}", f"unknown column {column!r}; {nearest(column, columns)}")
            for source in order:
                if source not in sources:
                    problems.add(
                        file, f"survivorship.{column}", f"unknown source {source!r}; {nearest(source, sources)}"
                    )

    def report(self, results: Sequence[Result]) -> Sequence[RenderableType]:
        """How many customers there are, and how ids changed."""
        return [
            Text(f"{number_of(facts.customers, 'customer')} out of {number_of(result.outcome.rows_in, 'record')} "
                 f"({number_of(facts.minted, 'new id')}, {facts.merged:,} merged, {facts.split:,} split)")
            for result, facts in of_kind(results, IdentityFacts)
        ]  # fmt: skip

    def suggest(self, results: Sequence[Result]) -> Sequence[str]:
        """Show some customers."""
        return ["quanyu table customers --limit 10"]
