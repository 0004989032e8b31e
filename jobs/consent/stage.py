"""What may be sent to whom."""

from __future__ import annotations

import typer

from quanyu.run.stage import Stage


class ConsentStage(Stage):
    """Has a command only: other stages ask its gate."""

    name = "consent"

    def commands(self, app: typer.Typer) -> None:
        """Add `quanyu consent`."""
        from jobs.consent.commands import add

        add(app)
