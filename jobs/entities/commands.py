"""The commands `customer`, `outlet`, `store`, `product` and `staff`: all that is known of one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from quanyu.cli import Conf, Home, opened, say
from quanyu.errors import ConfigError, nearest

if TYPE_CHECKING:
    from jobs.entities.one_entity import OneEntity
    from quanyu.config.settings import Settings

# The house's entities: what is asked for, and an example.
ENTITIES = {
    "customer": ("A customer id, source/key of a record, one of its identifiers, or a name.", "member=M000123"),
    "outlet": ("Its number, or a text of its own table.", "T001234"),
    "store": ("Its code or name.", "S01"),
    "product": ("Its SKU or name.", "A10023"),
    "style": ("The style, or a text of one of its items.", "A00014"),
    "staff": ("Number or name of an employee.", "E01005"),
}
WORDS = {"staff": "employee"}
MOST_MATCHES = 20
Scene = Annotated[
    str | None, typer.Option(help="Only the profile of this scene or view.", show_default="the page of the entity")
]
Everything = Annotated[bool, typer.Option("--all", help="The whole profile, not only what the page names.")]


def add(app: typer.Typer) -> None:
    """Add a command for each of the house's entities, and one for any."""
    for name, (whom, example) in ENTITIES.items():
        app.command(name=name)(_command(name, whom, example))
    app.command()(entity)


def entity(
    name: Annotated[str, typer.Argument(help="Entity, such as outlet, or one of your own.")],
    who: Annotated[str, typer.Argument(help="Its key, or a text of its own table.")],
    scene: Scene = None,
    everything: Everything = False,
    conf: Conf = None,
    home: Home = None,
) -> None:
    """Show everything that is known of one of any entity, also of those that a conf folder declares.

    Example: `quanyu entity outlet T001234`
    """
    _show(opened(conf, home), name, who, scene, everything)


def _command(name: str, whom: str, example: str) -> Callable[..., None]:
    def show(
        who: str, scene: Scene = None, everything: Everything = False, conf: Conf = None, home: Home = None
    ) -> None:
        _show(opened(conf, home), name, who, scene, everything)

    # The text of help differs by entity, so that no annotation can be written out.
    show.__annotations__["who"] = Annotated[str, typer.Argument(help=whom)]
    show.__doc__ = (
        f"Show everything that is known of one {WORDS.get(name, name)}: its page, facts, audiences.\n\n"
        f"Example: `quanyu {name} {example}`"
    )
    return show


def _show(settings: Settings, name: str, who: str, scene: str | None, everything: bool) -> None:
    """Print the page of one entity. Raises ConfigError for an unknown entity or scene, and unless one matches."""
    from jobs.entities.page import page

    one = _one(settings, name, who)
    scenes = {column.partition(".")[0] for column in one.context.catalogue.names(one.entity)}
    if scene is not None and scene not in scenes:
        raise ConfigError(f"{scene!r} is no scene of a {name}; {nearest(scene, scenes)}")
    say(page(one, scene, everything))


def _one(settings: Settings, name: str, who: str) -> OneEntity:
    """The one entity that is meant. Raises ConfigError where several or none match."""
    from jobs.entities.one_entity import OneEntity, find
    from jobs.steward.directory import Directory
    from quanyu.run.runner import Context

    context = Context(settings, datetime.now(UTC).date())
    if name not in context.catalogue.entities:
        raise ConfigError(f"unknown entity {name!r}; {nearest(name, context.catalogue.entities)}")
    entity = context.catalogue.entities[name]
    if not entity.resolved:
        return OneEntity(context, entity, _single(find(context, entity, who), name))
    directory = Directory(context)
    customers = sorted({one for record in directory.find(who) if (one := directory.customer_of(record))})
    if not customers:
        raise ConfigError("it has no customer: nothing on it identifies a person, or no run has processed it yet")
    return OneEntity(context, entity, _single(customers, name), directory)


def _single(keys: list[str], name: str) -> str:
    if len(keys) > 1:
        more = f" and {len(keys) - MOST_MATCHES:,} more" if len(keys) > MOST_MATCHES else ""
        raise ConfigError(f"{len(keys):,} match: {', '.join(keys[:MOST_MATCHES])}{more}; name one of them")
    return keys[0]
