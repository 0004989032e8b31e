"""Commands of the home: what was noted of it, and that it may send where it is now."""

from __future__ import annotations

import typer

from quanyu import home as homes
from quanyu.cli import Conf, Home, Wait, opened, say

home = typer.Typer(no_args_is_help=True, help="The home: its name, and where it may send from.")


def add(app: typer.Typer) -> None:
    """Give the product's command these commands."""
    app.add_typer(home, name="home")


@home.command()
def show(conf: Conf = None, home: Home = None) -> None:
    """Show what was noted of the home, and whether anything may leave it.

    Example: `quanyu home show`
    """
    settings = opened(conf, home)
    before = homes.noted(settings)
    if before is None:
        say(f"{settings.home} has had no run yet")
        return
    say(f"{before.name} at {before.path}: {homes.may_send(settings) or 'sends and exports'}")


@home.command()
def accept(conf: Conf = None, home: Home = None, wait: Wait = 0) -> None:
    """Say that this home is the one that sends: after it was moved, restored or copied to where the other is no more.

    Example: `quanyu home accept`
    """
    from quanyu.homelock import home_lock

    settings = opened(conf, home)
    homes.check_name(settings)
    with home_lock(settings, wait):
        note = homes.note(settings)
    say(f"{note.name} at {note.path} sends and exports from the next run on")
