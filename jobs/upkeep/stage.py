"""The stage that maintains the tables."""

from __future__ import annotations

from collections.abc import Sequence

from jobs.upkeep.facts import UpkeepFacts
from quanyu.discover import Catalogue
from quanyu.run.runner import Step
from quanyu.run.stage import Stage


class UpkeepStage(Stage):
    """Compacts and cleans every table once a week."""

    name = "upkeep"
    after = ("insight", "metrics")
    facts = (UpkeepFacts,)

    def steps(self, catalogue: Catalogue) -> Sequence[Step]:
        """The one step."""
        from jobs.upkeep.steps import steps

        return steps(catalogue)
