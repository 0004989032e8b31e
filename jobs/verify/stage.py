"""The proof of a day on both engines."""

from __future__ import annotations

import typer

from quanyu.run.stage import Stage


class VerifyStage(Stage):
    """Has commands only: it works on copies of a home."""

    name = "verify"

    def commands(self, app: typer.Typer) -> None:
        """Add `quanyu verify` and `back`."""
        from jobs.verify.commands import add

        add(app)
