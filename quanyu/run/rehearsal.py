"""The rehearsal of a day: `--ahead` computes it without an effect on the home."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from quanyu.config.settings import Settings


class Rehearsal:
    """Base of the rehearsal. A file `rehearsal.py` in a package beside `quanyu` declares the subclass."""

    def run(
        self, settings: Settings, day: date, step: str | None, wait_seconds: float, say: Callable[[Any], None]
    ) -> int:
        """Compute a day, or one step of it, on a copy of the home. Returns the exit code."""
        raise NotImplementedError
