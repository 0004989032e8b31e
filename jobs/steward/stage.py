"""What people ask and decide about identities."""

from __future__ import annotations

import typer

from quanyu.run.stage import Stage


class StewardStage(Stage):
    """Has commands only: their decisions are inputs of the stage unify."""

    name = "steward"

    def commands(self, app: typer.Typer) -> None:
        """Add `quanyu who`, `why`, `verdict` and `identity`, and `customer`, `outlet` and the like."""
        from jobs.steward import commands, entity_commands

        entity_commands.add(app)
        commands.add(app)
