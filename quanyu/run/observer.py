"""Observers of runs: they learn how steps ended, and may tell people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from quanyu import imports

if TYPE_CHECKING:
    from quanyu.run.runner import Context, Result


class Observer:
    """Base of observers. A file `observer.py` in a package beside `quanyu` declares subclasses."""

    def steps_ended(self, context: Context, results: Sequence[Result]) -> str:
        """Learn the results of steps that ended. Returns words for the screen, or none. A failure is no error."""
        return ""

    def declarations_rejected(self, context: Context, words: str) -> None:
        """Learn that no step can run because of a mistake in the declarations."""


def steps_ended(context: Context, results: Iterable[Result]) -> str:
    """Tell every observer the results of steps that ended. Returns their words for the screen, one per line."""
    listed = list(results)
    return "\n".join(words for observer in imports.beside(Observer) if (words := observer.steps_ended(context, listed)))


def declarations_rejected(context: Context, words: str) -> None:
    """Tell every observer that no step can run because of a mistake in the declarations."""
    for observer in imports.beside(Observer):
        observer.declarations_rejected(context, words)
