"""The command `migrate`, which moves a home of an earlier form on."""

from __future__ import annotations

from typing import Annotated

import typer

from quanyu.cli import Conf, Home, Wait, opened, say


def add(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(migrate)


def migrate(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    conf: Conf = None,
    home: Home = None,
    wait: Wait = 0,
) -> None:
    """Move a home that an earlier release made to the form of this one; safe to repeat, also after it was killed.

    Nothing is computed again, and all history stays. Make a backup first (`quanyu backup`).

    Example: `quanyu migrate --dry-run` and then `quanyu migrate`
    """
    from quanyu.home.migration import migrate as move_on
    from quanyu.run.interrupts import prompt_end

    settings = opened(conf, home)
    with prompt_end(settings):
        changes = move_on(settings, dry_run, wait)
    for change in changes:
        say(f"would be changed: {change}" if dry_run else f"changed: {change}")
    if not changes:
        say(f"{settings.home} is of the form of this release: nothing to do")
