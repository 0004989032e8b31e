"""The stages of models: training when it is due, and the scores of every day."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType

from ml.lifecycle.facts import TrainingFacts
from quanyu.config.settings import Settings
from quanyu.discover import Catalogue
from quanyu.grammar.declaration import Problems
from quanyu.grammar.lifecycle import Use
from quanyu.run.facts import of_kind
from quanyu.run.runner import Result, Step
from quanyu.run.stage import Stage
from quanyu.run.summary.panels import figures


class TrainStage(Stage):
    """Trains and registers models when they are due, and records the versions of the match model."""

    name = "train"
    after = ("features",)
    facts = (TrainingFacts,)

    def steps(self, catalogue: Catalogue) -> Sequence[Step]:
        """The step of the match model, then one for every model."""
        from ml.lifecycle.steps import trainings

        return trainings(catalogue)

    def check(self, catalogue: Catalogue, problems: Problems) -> None:
        """Check that what models name exists."""
        from ml.lifecycle.check import check

        check(catalogue, problems)

    def uses(self, catalogue: Catalogue) -> Sequence[Use]:
        """What models name of their entities."""
        from ml.lifecycle.check import uses

        return uses(catalogue)

    def prepare(self, settings: Settings) -> None:
        """Create the registry's database."""
        from ml.lifecycle.steps import prepare

        prepare(settings)

    def report(self, results: Sequence[Result]) -> Sequence[RenderableType]:
        """Figures of each model that was trained, on its later period."""
        panels: dict[tuple[str, ...], list[Sequence[str]]] = {}
        for _, facts in of_kind(results, TrainingFacts):
            # Facts of an earlier release have no headings.
            headings = facts.headings or {name: name for name in facts.metrics if name != "test_rows"}
            numbers = [f"{facts.metrics[name]:,.3f}" for name in headings]
            row = (facts.model, "yes" if facts.champion else "no", *numbers, f"{facts.metrics['test_rows']:,.0f}")
            panels.setdefault(("model", "champion", *headings.values(), "tested on"), []).append(row)
        return [panel for columns, rows in panels.items() for panel in figures("Models", columns, rows)]


class ScoreStage(Stage):
    """Scores the population of every model with its champion."""

    name = "score"
    after = ("train",)

    def steps(self, catalogue: Catalogue) -> Sequence[Step]:
        """The step of all scores, or none if there are no models."""
        from ml.lifecycle.steps import scoring

        return scoring(catalogue)
