"""The stage that computes features as of the day."""

from __future__ import annotations

from collections.abc import Sequence

from quanyu.discover import Catalogue
from quanyu.run.runner import Step
from quanyu.run.stage import Stage


class FeatureStage(Stage):
    """A step for every feature view."""

    name = "features"
    after = ("unify", "consent")

    def steps(self, catalogue: Catalogue) -> Sequence[Step]:
        """A step for every feature view."""
        from jobs.features.views import steps

        return steps(catalogue)
