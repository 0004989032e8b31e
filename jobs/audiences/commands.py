"""The command `members`: who is in an audience, or would be by a rule."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from quanyu.cli import Conf, Home, opened, say
from quanyu.run.business_days import day_of


def add(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(members)


def members(
    rule: Annotated[str, typer.Argument(help="Audience, or a rule over tags and features in quotes.")],
    entity: Annotated[str, typer.Option(help="What a rule is about, such as outlet.")] = "customer",
    day: Annotated[str | None, typer.Option(help="As of this day.", show_default="the last one that was run")] = None,
    limit: Annotated[int, typer.Option(min=0, help="Members to show or write; 0 for all.")] = 10,
    out: Annotated[Path | None, typer.Option(help="Write them to a .csv or .parquet file instead.")] = None,
    conf: Conf = None,
    home: Home = None,
) -> None:
    """Show who is in an audience, or who would be by a rule, before you save it; nothing is recorded or sent.

    Example: `quanyu members winback` or `quanyu members "retention.lapsed and value.spend > 500"`
    """
    from jobs.audiences import try_out
    from quanyu.show import grid, written

    result = try_out.members_of(opened(conf, home), rule, entity, day_of(day) if day else None, limit)
    if out is not None:
        say(written(result.rows, out))
        return
    share = f", {result.members / result.entities:.1%}" if result.entities else ""
    plural = result.entity.plural(result.entities)
    say(grid(result.rows, f"{result.members:,} of {result.entities:,} {plural}{share} on {result.day}"))
    if result.audience.name == try_out.TRIAL:
        say("To keep it, write conf/audiences/NAME.yml, then quanyu validate:")
        # Not folded at the width of the screen, so that it can be copied.
        typer.echo(_declaration(result.audience.who))


def _declaration(rule: str) -> str:
    """What the file of an audience would say, with the parts that are to be filled in."""
    import yaml

    text: str = yaml.safe_dump(
        {"describes": "Say in a sentence who they are.", "owner": "your team", "goal": "repurchase", "who": rule,
         "purpose": "messages", "holdout": "10 %"},
        allow_unicode=True, sort_keys=False, width=110,
    )  # fmt: skip
    return text.rstrip("\n")
