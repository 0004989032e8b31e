"""The stage that computes features as of the day, and facts that are made of some of them."""

from __future__ import annotations

from collections.abc import Sequence

from quanyu.discover import Catalogue
from quanyu.grammar.declaration import Problems
from quanyu.grammar.job import Job
from quanyu.grammar.lifecycle import Use
from quanyu.imports import instances_in
from quanyu.run.runner import Step
from quanyu.run.stage import Stage


class FeatureStage(Stage):
    """A step for every feature view, and for the jobs that take tags."""

    name = "features"
    after = ("unify", "consent")

    def steps(self, catalogue: Catalogue) -> Sequence[Step]:
        """A step for every feature view, and for each job before the views of what it writes."""
        from jobs.features import of_tags, views

        jobs = self.jobs()
        made = {job.writes.name for job in jobs}
        steps = [(view.over.name in made, views.step(view, catalogue.tables)) for view in catalogue.views.values()]
        before, after = ([step for is_after, step in steps if is_after is side] for side in (False, True))
        return [*before, *(of_tags.step(job, catalogue) for job in jobs), *after]

    def check(self, catalogue: Catalogue, problems: Problems) -> None:
        """Check that the tags exist which jobs take: a conf folder may replace the file that declares them."""
        from jobs.features import of_tags

        of_tags.check(self.jobs(), catalogue, problems)

    def uses(self, catalogue: Catalogue) -> Sequence[Use]:
        """Tags that jobs take."""
        from jobs.features import of_tags

        return of_tags.uses(self.jobs())

    def jobs(self) -> Sequence[Job]:
        """The jobs of this folder."""
        return instances_in(__package__ or "", Job)
