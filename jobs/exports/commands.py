"""Commands of exports: where they stand, what would be sent, approval, and a new beginning."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from quanyu.cli import Conf, Home, Wait, opened, say

if TYPE_CHECKING:
    from quanyu.run.runner import Context

export = typer.Typer(no_args_is_help=True, help="Exports of audiences: what was sent, what would be, and approval.")
Name = Annotated[str, typer.Argument(help="Audience and destination, such as loyal_seed.meta.")]


def add(app: typer.Typer) -> None:
    """Add these commands to the product's command."""
    app.add_typer(export, name="export")


@export.command("list")
def list_exports(conf: Conf = None, home: Home = None) -> None:
    """List every export with its state, the values that are there, and who must do what.

    Example: `quanyu export list`
    """
    from jobs.exports.planning import overview

    say(overview(_context(conf, home)))


@export.command()
def plan(name: Name, conf: Conf = None, home: Home = None) -> None:
    """Show what the next run would add and withdraw, who is left out and why, and what holds additions back.

    Nothing is sent or recorded. Example: `quanyu export plan loyal_seed.meta`
    """
    from jobs.exports.planning import planned

    say(planned(_context(conf, home), name))


@export.command()
def approve(name: Name, conf: Conf = None, home: Home = None) -> None:
    """Approve an export as it is declared and with the members that it has now; a changed declaration asks again.

    Example: `quanyu export approve loyal_seed.meta`
    """
    from jobs.exports.planning import approved

    say(approved(_context(conf, home), name))


@export.command()
def restart(name: Name, conf: Conf = None, home: Home = None, wait: Wait = 0) -> None:
    """Begin an export anew whose audience somebody deleted on the platform: the next run opens one and adds all.

    Refused while the platform still has anything of it: nothing may stay there unknown.

    Example: `quanyu export restart loyal_seed.meta`
    """
    from jobs.exports.planning import restarted
    from quanyu.home.lock import home_lock

    context = _context(conf, home)
    with home_lock(context.settings, wait):
        say(restarted(context, name))


def _context(conf: Conf, home: Home) -> Context:
    """A context of the last day that audiences were evaluated for."""
    from jobs.audiences.memberships.due import step_of
    from quanyu.errors import ConfigError
    from quanyu.model.entities import Customer
    from quanyu.run.runner import Context

    context = Context(opened(conf, home), date.min)
    day = context.forward_day(step_of(Customer))
    if day is None:
        raise ConfigError("no audience was evaluated yet: run a day first, quanyu run --day DAY")
    context.day = day
    return context
