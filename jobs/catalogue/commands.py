"""The commands `tags`, which lists and searches, and `tag`, which shows one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from quanyu.cli import Conf, Home, opened, say
from quanyu.errors import ConfigError, nearest
from quanyu.run.business_days import day_of

if TYPE_CHECKING:
    from quanyu.catalogue.entries import Entry
    from quanyu.catalogue.recorded import RecordedStatistics

# Names that are shown where none has every word.
MOST_PARTIAL = 12
MOST_AUDIENCES = 5
OfEntity = Annotated[
    str | None, typer.Option(help="Only of this entity, such as customer or outlet.", show_default="all")
]


def add(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command()(tags)
    app.command()(tag)


def tags(
    search: Annotated[
        list[str] | None, typer.Argument(help="Words to search for, in English or Chinese.", show_default="all scenes")
    ] = None,
    scene: Annotated[str | None, typer.Option(help="Only those of a scene or view.", show_default="all")] = None,
    entity: OfEntity = None,
    conf: Conf = None,
    home: Home = None,
) -> None:
    """List tags and features by scene, or search them by name, meaning, value, unit and synonyms.

    Example: `quanyu tags`, `quanyu tags size bought`, `quanyu tags 流失` or `quanyu tags --scene rfm`
    """
    from jobs.catalogue import lists
    from quanyu import discover
    from quanyu.catalogue.entries import audiences, entries
    from quanyu.catalogue.recorded import RecordedStatistics
    from quanyu.engine.session import Engine
    from quanyu.lake import Lake

    settings = opened(conf, home)
    catalogue = discover.load(settings)
    listed = entries(catalogue, discover.stages(), entity)
    if scene is not None:
        known_scenes = {entry.scene for entry in listed}
        if scene not in known_scenes:
            raise ConfigError(f"there is no scene {scene!r}; {nearest(scene, known_scenes)}")
        listed = [entry for entry in listed if entry.scene == scene]
    if not search and scene is None:
        say(lists.scenes(listed))
        return
    statistics = RecordedStatistics(Lake(settings, Engine(settings)))
    if not search:
        say(lists.tags(listed, statistics))
        return
    _matching(" ".join(search), listed, audiences(catalogue, entity) if scene is None else [], statistics)


def _matching(
    words: str, listed: Sequence[Entry], of_audiences: Sequence[Entry], statistics: RecordedStatistics
) -> None:
    """Show the entries that have every word, or most of them, and audiences. ConfigError if there is none."""
    from jobs.catalogue import lists
    from quanyu.catalogue.search import search, synonyms

    chosen, has_all = search(listed, words, synonyms(), statistics.values())
    same, _ = search(of_audiences, words, synonyms())
    if not chosen and not same:
        raise ConfigError(f"nothing has {words!r} in its name or meaning; quanyu tags lists all scenes")
    if chosen and not has_all:
        say("None has all of these words in its name, meaning or values. Those with most of them:")
        chosen = chosen[:MOST_PARTIAL]
    if chosen:
        say(lists.tags(chosen, statistics))
    if same:
        say(lists.audiences(same[:MOST_AUDIENCES]))


def tag(
    name: Annotated[str, typer.Argument(help="Tag, feature, score or attribute, such as rfm.segment.")],
    day: Annotated[
        str | None, typer.Option(help="Who had which value at the end of this day.", show_default="today")
    ] = None,
    history: Annotated[
        bool, typer.Option("--history", help="All definitions that it has had, or with --day the one of the day.")
    ] = False,
    limit: Annotated[int, typer.Option(min=0, help="With --day: members to show.")] = 10,
    out: Annotated[Path | None, typer.Option(help="Write the value of each to a .csv or .parquet file.")] = None,
    entity: OfEntity = None,
    conf: Conf = None,
    home: Home = None,
) -> None:
    """Show one tag or feature: meaning, definition, what it is made of, distribution, drift, users and cases.

    With `--day`, how many had which value at the end of that day: of events before its end, as recorded by then.

    Example: `quanyu tag retention.lapsed`, `quanyu tag retention.lapsed --day 2025-05-01` or
    `quanyu tag rfm.segment --history`
    """
    from jobs.catalogue import tag_page
    from quanyu import discover
    from quanyu.catalogue.entries import entries, entry_of
    from quanyu.point_in_time.tag_on_day import tag_on_day
    from quanyu.run.runner import Context

    context = Context(opened(conf, home), date.min)
    listed = entries(context.catalogue, discover.stages(), entity)
    entry = entry_of(listed, name, entity)
    on = day_of(day) if day else None
    if history:
        say(tag_page.definitions_of(context.lake, entry, on))
    elif on is not None or out is not None:
        say(tag_on_day(context.settings, entry.name, on, limit, out))
        if on is not None and tag_page.was_defined_otherwise(context, entry, on):
            say(f"By its definition of today; for the one of {on}: quanyu tag {entry.name} --day {on} --history")
    else:
        say(tag_page.page(context, listed, entry))
