"""The command `metrics`."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from quanyu.cli import Conf, Home, opened, say
from quanyu.config.settings import Settings, read_settings
from quanyu.errors import ConfigError
from quanyu.run.business_days import day_of

Name = Annotated[str | None, typer.Argument(help="One metric, as sales.revenue.", show_default="all")]
By = Annotated[str | None, typer.Option(help="Dimension to break it down by, such as channel.")]
On = Annotated[str | None, typer.Option(help="Business day; the last one without it.")]
Days = Annotated[int | None, typer.Option(min=1, max=4000, help="Days to show.", show_default="28")]


def add(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(metrics)


def metrics(
    name: Name = None,
    by: By = None,
    day: On = None,
    days: Days = None,
    parts: Annotated[bool, typer.Option("--all", help="Also the metrics that only ratios are made of.")] = False,
    tree: Annotated[bool, typer.Option("--tree", help="From business goals to metrics.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs; the day alone without --days.")] = False,
    out: Annotated[Path | None, typer.Option(help="Write the page of all definitions to this file.")] = None,
    conf: Conf = None,
    home: Home = None,
) -> None:
    """Show the metrics of the business: their values of a day, what they were before, and their goals.

    Example: `quanyu metrics`, `quanyu metrics sales.revenue --by channel` or `quanyu metrics --tree`
    """
    if by is not None and name is None and not as_json:
        raise ConfigError("--by breaks one metric down: name it, as quanyu metrics sales.revenue --by channel")
    if out is not None:
        say(_written(conf, home, out))
        return
    on = day_of(day) if day else None
    _show(opened(conf, home), name, by, on, days, parts, tree, as_json)


def _show(
    settings: Settings, name: str | None, by: str | None, day: date | None, days: int | None, parts: bool, tree: bool,
    as_json: bool,
) -> None:  # fmt: skip
    from jobs.metrics import show
    from jobs.metrics.history import SHOWN_DAYS
    from quanyu import discover
    from quanyu.engine.session import Engine
    from quanyu.lake import Lake

    catalogue, lake = discover.load(settings), Lake(settings, Engine(settings))
    if as_json:
        typer.echo(json.dumps(show.records(catalogue, lake, name, by, day, days or 1), ensure_ascii=False, indent=1))
    elif tree:
        say(show.drawn_tree(catalogue, lake, day))
    elif name is not None:
        say(show.one(catalogue, lake, name, by, day, days or SHOWN_DAYS))
    else:
        say(show.overview(catalogue, lake, day, parts))


def _written(conf: Path | None, home: Path | None, out: Path) -> str:
    from jobs.metrics.page import page
    from quanyu import discover

    catalogue = discover.load(*read_settings(conf, home))
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(page(catalogue), encoding="utf-8")
    return f"{out}: {sum(len(file.metrics) for file in catalogue.metrics.values())} metrics"
