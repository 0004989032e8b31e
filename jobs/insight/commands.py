"""The commands `audience report`, what an audience is like, and `audience lift`, what programmes brought."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from quanyu.cli import Conf, Home, opened, say


class Language(StrEnum):
    """Languages of a report."""

    en = "en"
    zh = "zh"


def add(app: typer.Typer) -> None:
    """Add the commands to the group `audience`, which other stages may have begun."""
    begun = [one.typer_instance for one in app.registered_groups if one.name == "audience" and one.typer_instance]
    group = begun[0] if begun else typer.Typer(no_args_is_help=True, help="Audiences: who they are, and why.")
    if not begun:
        app.add_typer(group, name="audience")
    group.command()(report)
    group.command()(lift)


def report(
    name: Annotated[str, typer.Argument(help="Audience, such as winback.")],
    lang: Annotated[Language, typer.Option(help="Language of the page.")] = Language.en,
    table: Annotated[bool, typer.Option("--table", help="Its profile as a table instead of a page.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(help="File of the page, or with --table a .csv or .parquet file.", show_default="NAME.html"),
    ] = None,
    limit: Annotated[int, typer.Option(min=0, help="With --table: rows to show; 0 for all.")] = 30,
    conf: Conf = None,
    home: Home = None,
) -> None:
    """Write what an audience is like: size, profile, overlap, reach, value and risk, with warnings.

    Example: `quanyu audience report winback --lang zh --out winback.html` or `quanyu audience report winback --table`
    """
    from jobs.insight.report.content import profile_table, report_of
    from jobs.insight.report.html import page
    from quanyu.run.runner import Context
    from quanyu.show import grid, own_file, written

    context = Context(opened(conf, home), date.min)
    if table:
        rows = profile_table(context, name)
        say(written(rows, out) if out else grid(rows.slice(0, limit or None), f"{name}, {rows.num_rows:,} rows"))
        return
    place = out or Path(f"{name}.html")
    # Before the file, so that a mistake leaves none.
    text = page(report_of(context, name), lang.value)
    with own_file(place) as file:
        file.write(text.encode())
    say(f"written to {place}")


def lift(
    name: Annotated[str | None, typer.Argument(help="Audience, such as winback.", show_default="all")] = None,
    lang: Annotated[Language, typer.Option(help="Language of the words.")] = Language.en,
    conf: Conf = None,
    home: Home = None,
) -> None:
    """Show what programmes brought: all who entered against the holdout, with what can be said of the difference.

    Example: `quanyu audience lift` or `quanyu audience lift winback --lang zh`
    """
    import pyarrow as pa

    from jobs.insight.report.content import audience_of, lift_rows, lift_rows_of
    from jobs.insight.report.sections import lift_cells
    from jobs.insight.report.words import ReportWords
    from quanyu.run.runner import Context
    from quanyu.show import grid

    context, words = Context(opened(conf, home), date.min), ReportWords(lang.value)
    rows = lift_rows(context) if name is None else lift_rows_of(context, audience_of(context, name).name)
    if not rows:
        say(words("no_lift"))
        return
    heads = [words(key) for key in ("programme", "treated", "control", "difference", "verdict")]
    cells = zip(*([text for text, _ in lift_cells(row, words)] for row in rows), strict=True)
    say(grid(pa.table(dict(zip(heads, map(list, cells), strict=True))), words("lift")))
