"""Commands that show a home, and accept it as the one that sends."""

from __future__ import annotations

from typing import Annotated

import typer

from quanyu.cli import Conf, Home, Wait, opened, say
from quanyu.home import home_name as homes
from quanyu.run.business_days import day_of

home = typer.Typer(no_args_is_help=True, help="The home: its name, and where it may send from.")


def add(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.add_typer(home, name="home")


@home.command()
def show(conf: Conf = None, home: Home = None) -> None:
    """Show what was noted of the home, and whether anything may leave it.

    Example: `quanyu home show`
    """
    settings = opened(conf, home)
    before = homes.recorded_home(settings)
    if before is None:
        say(f"{settings.home} has had no run yet")
        return
    say(f"{before.name} at {before.path}: {homes.may_send(settings) or 'sends and exports'}")


@home.command()
def accept(
    sent_until: Annotated[
        str | None, typer.Option(help="Last day of which anything went out since the backup.", show_default="yesterday")
    ] = None,
    conf: Conf = None,
    home: Home = None,
    wait: Wait = 0,
) -> None:
    """Say that this home is the one that sends: after it was moved, restored or copied to where the other is no more.

    It goes on with the lake as it lies. Of a home that was restored, or has lost tables, what was due until the day
    given may have gone out: such messages become unknown, and are not sent by themselves.

    Example: `quanyu home accept` or `quanyu home accept --sent-until 2026-01-31`
    """
    from quanyu.home.acceptance import accept as accept_home
    from quanyu.home.lock import home_lock

    settings = opened(conf, home)
    with home_lock(settings, wait):
        note = accept_home(settings, day_of(sent_until) if sent_until else None)
    say(f"{note.name} at {note.path} sends and exports from the next run on")
    if note.doubted:
        say(f"but for messages that were due until {note.doubted}: they may have been sent already, and become unknown")
