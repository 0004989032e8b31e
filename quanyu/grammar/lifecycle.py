"""Lifecycle of views and tags, and who uses what: a draft is not for use yet, and what is retired is used by nobody."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from quanyu.grammar.entity import Entity

if TYPE_CHECKING:
    from quanyu.discover import Catalogue
    from quanyu.grammar.declaration import Problems
    from quanyu.run.stage import Stage

# A draft is computed and not yet for use; what is retiring is still used, soon not; what is retired is not computed.
LIFECYCLES = ("draft", "live", "retiring", "retired")


@dataclass(frozen=True)
class Use:
    """A declaration that names a feature, tag, attribute or score of an entity."""

    entity: str
    """Name of the entity."""
    name: str
    """What is used, as rules write it: `view.feature`, `scene.tag`, `entity.attribute`, `model.column`."""
    user: str
    """Who uses it, in words: `audience winback`."""
    file: str
    """File of the user."""
    key: str
    """Key within the file."""


def uses(catalogue: Catalogue, stages: Iterable[Stage]) -> list[Use]:
    """Everything that a declaration names of an entity, by all stages."""
    return [use for stage in stages for use in stage.uses(catalogue)]


def users(catalogue: Catalogue, stages: Iterable[Stage], entity: type[Entity]) -> dict[str, list[str]]:
    """Users of each name of an entity, in words; names that nobody uses are missing."""
    by_name: dict[str, list[str]] = defaultdict(list)
    for use in uses(catalogue, stages):
        if use.entity == entity.name and use.user not in by_name[use.name]:
            by_name[use.name].append(use.user)
    return {name: by_name[name] for name in by_name}


def lifecycles(catalogue: Catalogue, entity: type[Entity]) -> dict[str, str]:
    """Lifecycle of every feature and tag of an entity by its name."""
    views = [*catalogue.views.values(), *catalogue.names_only.values()]
    features = {
        f"{view.name}.{name}": view.lifecycle
        for view in views
        if getattr(view, "entity", None) is entity
        for name in view.features
    }
    tags = (file.named() for file in catalogue.tags.values() if file.entity == entity.name)
    return features | {name: tag.lifecycle for named in tags for name, tag in named}


def check_lifecycles(catalogue: Catalogue, stages: Iterable[Stage], problems: Problems) -> None:
    """Add each use of something retired, and each use of a draft by something that is no draft itself."""
    states = {name: lifecycles(catalogue, entity) for name, entity in catalogue.entities.items()}
    for use, message in _forbidden(uses(catalogue, stages), states):
        problems.add(use.file, use.key, message)


def _forbidden(all_uses: Iterable[Use], states: dict[str, dict[str, str]]) -> Iterator[tuple[Use, str]]:
    for use in all_uses:
        of_entity = states.get(use.entity, {})
        state, own = of_entity.get(use.name), of_entity.get(use.user.removeprefix("tag "))
        if state == "retired" and own != "retired":
            yield use, f"{use.name} is retired, and {use.user} uses it: take another, or end this use"
        if state == "draft" and own not in ("draft", "retired"):
            yield use, f"{use.name} is a draft, and {use.user} uses it: it is for use when its lifecycle is live"
