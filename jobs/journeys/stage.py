"""The stage that moves customers through journeys and sends messages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from rich.console import RenderableType
from rich.text import Text

from jobs.journeys.facts import JourneyFacts, SendFacts
from quanyu.discover import Catalogue, file_names
from quanyu.grammar.declaration import Problems
from quanyu.run.facts import of_kind
from quanyu.run.runner import Result, Step
from quanyu.run.stage import Stage


class JourneyStage(Stage):
    """Decides who gets what message, and sends each once."""

    name = "journeys"
    after = ("exports",)
    facts = (JourneyFacts, SendFacts)

    def steps(self, catalogue: Catalogue) -> Sequence[Step]:
        """The steps of journeys and of sending, or none if no journey is declared."""
        from jobs.journeys.steps import steps

        return steps(catalogue)

    def check(self, catalogue: Catalogue, problems: Problems) -> None:
        """Check what journeys name, and their templates."""
        from jobs.journeys.program import program
        from jobs.journeys.sending.addresses import templates

        audiences = file_names(catalogue, "audiences")
        for journey in catalogue.journeys.values():
            problems.found += journey.problems(audiences, catalogue.tables, catalogue.journeys.values()).found
            entered = catalogue.audiences.get(journey.enters)
            entity = catalogue.entities.get(entered.entity) if entered else None
            if entity and not entity.resolved:
                words = f"a journey is for customers, and {journey.enters} is an audience of {entity.plural(2)}"
                problems.add(journey.file, "enters", words)
            with problems.gather():
                templates([journey], {journey.name: program(journey)})

    def report(self, results: Sequence[Result]) -> Sequence[RenderableType]:
        """Messages by status."""
        sent = (asdict(facts) for _, facts in of_kind(results, SendFacts))
        words = (", ".join(f"{n:,} {state}" for state, n in counts.items() if n) for counts in sent)
        return [Text(f"Messages: {states or 'none'}") for states in words]
