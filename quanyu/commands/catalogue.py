"""The command `catalogue`: pages about everything that is declared."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from quanyu.cli import Conf, Home, say
from quanyu.errors import ConfigError, nearest


def add(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(catalogue)


def catalogue(
    page: Annotated[str, typer.Argument(help="Page to show, such as customer, audiences or silver.")] = "README",
    out: Annotated[Path | None, typer.Option(help="Write all pages into this folder instead.")] = None,
    conf: Conf = None,
    home: Home = None,
) -> None:
    """Write the catalogue by subject: entities with tags and features, audiences, tables with columns, feeds.

    With --home, the pages also have the values that occur in that home.

    Example: `quanyu catalogue customer` or `quanyu catalogue --out docs/catalogue`
    """
    from quanyu import discover
    from quanyu.catalogue.occurring import OccurringValues
    from quanyu.catalogue.pages import pages, write
    from quanyu.config.settings import read_settings
    from quanyu.engine.session import Engine
    from quanyu.lake import Lake

    settings, problems = read_settings(conf, home)
    lake = Lake(settings, Engine(settings)) if home is not None else None
    texts = pages(discover.load(settings, problems), discover.stages(), OccurringValues(lake))
    if out is not None:
        write(out, texts)
        say(f"{out}: {len(texts)} pages")
        return
    name = f"{page.removesuffix('.md')}.md"
    if name not in texts:
        raise ConfigError(f"there is no page {page!r}; {nearest(page, [text.removesuffix('.md') for text in texts])}")
    typer.echo(texts[name], nl=False)
