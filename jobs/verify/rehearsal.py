"""The rehearsal of a day for `--ahead`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from quanyu.config.settings import Settings
from quanyu.run.rehearsal import Rehearsal


class CopyRehearsal(Rehearsal):
    """Computes a day on a copy of the home, which is removed at the end."""

    def run(
        self, settings: Settings, day: date, step: str | None, wait_seconds: float, say: Callable[[Any], None]
    ) -> int:
        """Compute a day, or one step of it, on a copy of the home. Returns the exit code."""
        from jobs.verify.ahead import run_ahead

        return run_ahead(settings, day, step, wait_seconds, say)
