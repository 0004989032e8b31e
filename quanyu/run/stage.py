"""A stage: a part of the daily run with its steps, checks of declarations and part of the summary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from rich.console import RenderableType

    from quanyu.config.settings import Settings
    from quanyu.discover import Catalogue
    from quanyu.grammar.declaration import Problems
    from quanyu.grammar.job import Job
    from quanyu.grammar.lifecycle import Use
    from quanyu.home.migration import Migration
    from quanyu.run.facts import Facts
    from quanyu.run.planning.plan import Trial
    from quanyu.run.runner import Result, Step


class Stage:
    """Base of all stages. A file `stage.py` in a package beside `quanyu` declares subclasses, and they are found there.

    Every command imports these files, so they import their steps and libraries within the methods.
    """

    name: ClassVar[str]
    # Stages whose steps come earlier in the day.
    after: ClassVar[tuple[str, ...]] = ()
    # What the outcomes of its steps contain.
    facts: ClassVar[tuple[type[Facts], ...]] = ()

    def steps(self, catalogue: Catalogue) -> Sequence[Step]:
        """Steps in the order in which they feed each other. Raises ConfigError."""
        return ()

    def jobs(self) -> Sequence[Job]:
        """Jobs whose tables hold facts that views and audiences measure."""
        return ()

    def check(self, catalogue: Catalogue, problems: Problems) -> None:
        """Add the mistakes in the stage's declarations to `problems`."""

    def uses(self, catalogue: Catalogue) -> Sequence[Use]:
        """What the stage's declarations name of entities: features, tags, attributes, scores."""
        return ()

    def prepare(self, settings: Settings) -> None:
        """Make what the steps need in a home, such as a database. Called before each run."""

    def migrations(self) -> Sequence[Migration]:
        """Changes that move a home of an earlier form on."""
        return ()

    def report(self, results: Sequence[Result]) -> Sequence[RenderableType]:
        """Parts of the summary, from the results of all stages."""
        return ()

    def effects(self, trial: Trial) -> Mapping[str, Sequence[str]]:
        """What new or changed declarations would give, by kind and name, such as `source pos`."""
        return {}

    def suggest(self, results: Sequence[Result]) -> Sequence[str]:
        """Commands that are worth a try after these results, the most useful first."""
        return ()
