"""Commands that back up and restore a home."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from quanyu.cli import Conf, Home, Wait, opened, say
from quanyu.plurals import number_of


def add(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command()(backup)
    app.command()(restore)


def backup(
    target: Annotated[Path, typer.Argument(help="Folder to make, better on another disk.")],
    without_store: Annotated[bool, typer.Option(help="Leave out a store that its own tools keep.")] = False,
    conf: Conf = None,
    home: Home = None,
    wait: Wait = 0,
) -> None:
    """Copy lake, store, key and models of the home as they stand between two steps; it holds personal data and the key.

    Example: `quanyu backup /backups/shop/2026-01-31`
    """
    from quanyu.home.backup import back_up
    from quanyu.run.interrupts import prompt_end

    settings = opened(conf, home)
    with prompt_end(settings):
        manifest = back_up(settings, target, without_store, wait)
    number = number_of(len(manifest.tables), "table")
    say(f"{target}: {number} as of {manifest.made_at}, last day run: {manifest.last_day or 'none'}")
    if settings.keys.person:
        say(f"the person key is not in it: back up {settings.keys.person} too, or all person keys change")


def restore(
    source: Annotated[Path, typer.Argument(help="Folder that quanyu backup made.")],
    conf: Conf = None,
    home: Home = None,
) -> None:
    """Bring a backup back into an empty home, which sends nothing until `quanyu home accept`.

    Example: `quanyu restore /backups/shop/2026-01-31 --home .quanyu`
    """
    from quanyu.home.backup import restore as bring_back
    from quanyu.run.interrupts import prompt_end

    settings = opened(conf, home)
    with prompt_end(settings):
        manifest = bring_back(settings, source)
    say(f"{settings.home} is as it was at {manifest.made_at}; the last day run was {manifest.last_day or 'none'}.")
    say("Nothing is sent or exported: messages that were due since may have been sent. Run the days since, then")
    say("confirm with `quanyu home accept`; messages that were due until then stay unknown and are not sent again.")
