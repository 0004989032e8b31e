"""The command `tag`: who had which value of a tag on a day."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from quanyu.cli import Conf, Home, opened, say
from quanyu.run.business_days import day_of


def add(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(tag)


def tag(
    name: Annotated[str, typer.Argument(help="Tag, feature, attribute or score, such as retention.lapsed.")],
    day: Annotated[str | None, typer.Option(help="As of this day, as 2025-05-01.", show_default="last run")] = None,
    limit: Annotated[int, typer.Option(min=0, help="Members to show.")] = 10,
    out: Annotated[Path | None, typer.Option(help="Write all to a .csv or .parquet file instead.")] = None,
    conf: Conf = None,
    home: Home = None,
) -> None:
    """Show how many had which value of a tag, feature, attribute or score at the end of a day, and some of them.

    The values are those of that day: of events before its end, as recorded by then, with identities as valid then.

    Example: `quanyu tag retention.lapsed --day 2025-05-01` or `quanyu tag value.spend --out spend.csv`
    """
    from quanyu.point_in_time.tag_on_day import tag_on_day

    say(tag_on_day(opened(conf, home), name, day_of(day) if day else None, limit, out))
