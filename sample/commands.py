"""The sample retailer as a command of the product. The only file here that knows the product."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from quanyu.cli import Conf, Home, opened
from quanyu.errors import ConfigError
from quanyu.grammar.bounds import LONGEST_DAYS, MOST
from quanyu.run.business_days import day_of


def add(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(sample)


def sample(
    customers: Annotated[
        int, typer.Option(min=5, max=MOST, help="People, of whom half come after the first day.")
    ] = 3000,
    days: Annotated[int, typer.Option(min=1, max=LONGEST_DAYS, help="Days from the start.")] = 400,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 7,
    start: Annotated[str, typer.Option(help="First day.")] = "2024-01-01",
    since: Annotated[str | None, typer.Option(help="Write files from this day on only.")] = None,
    feeds: Annotated[str | None, typer.Option(help="Write these feeds only, as crm,pos.")] = None,
    out: Annotated[Path | None, typer.Option(help="Landing folder.", show_default="landing of the home")] = None,
    conf: Conf = None,
    home: Home = None,
) -> None:
    """Generate the sample retailer's feeds, with the truth about them in a folder beside the landing folder.

    Example: `quanyu sample --customers 3000 --days 400`
    """
    from sample.generate import main

    landing = out or opened(conf, home).landing
    arguments = ["--customers", str(customers), "--days", str(days), "--seed", str(seed), "--start", str(day_of(start))]
    arguments += ["--since", str(day_of(since))] if since else []
    arguments += ["--feeds", feeds] if feeds else []
    try:
        main([*arguments, "--out", str(landing)])
    except ValueError as error:
        raise ConfigError(str(error)) from None
