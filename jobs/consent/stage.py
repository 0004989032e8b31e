"""The stage that asks the consent gate about everybody, once a day."""

from __future__ import annotations

from collections.abc import Sequence

from quanyu.discover import Catalogue
from quanyu.grammar.job import Job
from quanyu.run.runner import Step
from quanyu.run.stage import Stage


class ConsentStage(Stage):
    """Whom the gate lets be contacted where, for tags and metrics; whatever leaves asks it again."""

    name = "consent"
    after = ("unify",)

    def steps(self, catalogue: Catalogue) -> Sequence[Step]:
        """One step."""
        from jobs.consent.answers import step

        return [step(catalogue)]

    def jobs(self) -> Sequence[Job]:
        """The answers, which views may measure."""
        from jobs.consent.answers import consent_answers

        return [consent_answers]
