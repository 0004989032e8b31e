"""The observer that alerts people of what is wrong."""

from __future__ import annotations

from collections.abc import Sequence

from jobs.alerts import notify
from quanyu.run.observer import Observer
from quanyu.run.runner import Context, Result


class AlertObserver(Observer):
    """Opens and closes alerts from the results of steps."""

    def steps_ended(self, context: Context, results: Sequence[Result]) -> str:
        """Update the alerts, and send those that are new. Returns what was sent, in words."""
        return notify.notify(context, results)

    def declarations_rejected(self, context: Context, words: str) -> None:
        """Alert that no step can run because a declaration is wrong."""
        notify.notify_declarations_rejected(context, words)
