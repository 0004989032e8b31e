"""The commands `customer`, `outlet`, `store`, `product` and `staff`: all that is known of one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from quanyu.cli import Conf, Home, opened, say
from quanyu.errors import ConfigError, nearest

if TYPE_CHECKING:
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
    from jobs.entities.one_entity import entity_named
    from jobs.entities.page import page

    one = entity_named(settings, name, who)
    scenes = {column.partition(".")[0] for column in one.context.catalogue.names(one.entity)}
    if scene is not None and scene not in scenes:
        raise ConfigError(f"{scene!r} is no scene of a {name}; {nearest(scene, scenes)}")
    say(page(one, scene, everything))
