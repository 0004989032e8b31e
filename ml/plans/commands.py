"""Commands of offers: which campaigns have any, and how one was planned."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import typer

from quanyu.cli import Conf, Home, opened, say

offers = typer.Typer(no_args_is_help=True, help="Offers of campaigns, and the plans that are made of them.")


def add(app: typer.Typer) -> None:
    """Add these commands to the product's command."""
    app.add_typer(offers, name="offers")


@offers.command("list")
def list_offers(conf: Conf = None, home: Home = None) -> None:
    """List the campaigns that have offers, with the verdict of their plans.

    Example: `quanyu offers list`
    """
    from ml.plans.pages import overview
    from quanyu.run.runner import Context

    say(overview(Context(opened(conf, home), date.min)))


@offers.command()
def show(
    campaign: Annotated[str, typer.Argument(help="Key of the campaign, such as C0014.")],
    conf: Conf = None, home: Home = None,
) -> None:  # fmt: skip
    """Show the plan of a campaign: customers by arm, limits, the expected gain, and what it is worth on past data.

    Example: `quanyu offers show C0014`
    """
    from ml.plans.pages import page
    from quanyu.run.runner import Context

    say(page(Context(opened(conf, home), date.min), campaign))
