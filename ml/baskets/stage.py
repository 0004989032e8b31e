"""The stage of what customers buy next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType

from ml.baskets.facts import AssociationFacts, NextItemFacts, SizeFacts
from quanyu.discover import Catalogue
from quanyu.run.facts import of_kind
from quanyu.run.runner import Result, Step
from quanyu.run.stage import Stage
from quanyu.run.summary.panels import figures

COLUMNS = ("what customers buy next", "foretold", "plain rule", "judged on")


class BasketStage(Stage):
    """Items that go together, lists of next items, and sizes that fit."""

    name = "baskets"
    after = ("features",)
    facts = (AssociationFacts, NextItemFacts, SizeFacts)

    def steps(self, catalogue: Catalogue) -> Sequence[Step]:
        """Associations, then the lists that use them, and sizes."""
        from ml.baskets.steps import steps

        return steps(catalogue)

    def report(self, results: Sequence[Result]) -> Sequence[RenderableType]:
        """How well lists and sizes foretold what was bought, beside the plain rule."""
        return figures("Next items", COLUMNS, _rows(results))


def _rows(results: Sequence[Result]) -> Iterator[Sequence[str]]:
    for _, lists in of_kind(results, NextItemFacts):
        yield (
            "recall at 10; plain: top list", f"{lists.recall_at_10:.3f}",
            f"{lists.plain_recall:.3f}",
            f"{lists.customers:,} customers",
        )  # fmt: skip
        if lists.new_customers:
            yield (
                "recall at 5 of new; plain: all time", f"{lists.new_recall:.3f}",
                f"{lists.plain_new_recall:.3f}", f"{lists.new_customers:,} customers",
            )  # fmt: skip
    for _, sizes in of_kind(results, SizeFacts):
        for basis, bought in sizes.bought.items():
            yield (
                f"sizes right, {basis}; plain: the most worn", f"{sizes.hits[basis]:.3f}",
                f"{sizes.plain_hits[basis]:.3f}", f"{bought:,} lines",
            )  # fmt: skip
