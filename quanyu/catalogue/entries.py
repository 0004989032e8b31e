"""Everything that rules may name of an entity, with its meaning, owner, users and state: what a catalogue lists."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from quanyu.discover import Catalogue
from quanyu.errors import ConfigError, nearest
from quanyu.grammar.entity import Entity
from quanyu.grammar.lifecycle import users
from quanyu.grammar.table import Column
from quanyu.grammar.tags import Tag
from quanyu.run.stage import Stage


@dataclass(frozen=True)
class Entry:
    """One name of the catalogue: a tag, feature, score or attribute of an entity."""

    entity: str
    kind: str
    """`tag`, `feature`, `score`, `attribute`, or `audience`."""
    name: str
    """As rules write it: `scene.tag`, `view.feature`, `model.column`, `entity.attribute`."""
    column: Column
    zh: str
    owner: str
    about_scene: str
    """What its scene, view or model is, in a sentence."""
    lifecycle: str = "live"
    purpose: str | None = None
    inputs: tuple[str, ...] = ()
    """What a tag is made of."""
    used_by: tuple[str, ...] = ()
    """Who names it, in words, such as `audience winback`; journeys by way of their audience."""

    def users(self) -> str:
        """Who uses it, by kind, as `tags rfm.segment, rfm.recency; model churn`; empty for nobody."""
        kinds: dict[str, list[str]] = {}
        for user in self.used_by:
            kind, _, name = user.partition(" ")
            kinds.setdefault(kind, []).append(name)
        return "; ".join(f"{kind}{'s' if len(names) > 1 else ''} {', '.join(names)}" for kind, names in kinds.items())

    @property
    def scene(self) -> str:
        """Scene of a tag, view of a feature, model of a score, entity of an attribute."""
        return self.name.partition(".")[0]


def entries(catalogue: Catalogue, stages: Iterable[Stage], entity: str | None = None) -> list[Entry]:
    """Entries of an entity, by default of all, in the order of scenes: tags, features, scores, attributes.

    Raises ConfigError for an entity that is not declared.
    """
    if entity is not None and entity not in catalogue.entities:
        raise ConfigError(f"unknown entity {entity!r}; {nearest(entity, catalogue.entities)}")
    chosen = [catalogue.entities[entity]] if entity else list(catalogue.entities.values())
    listed = list(stages)
    return [entry for one in chosen for entry in _of_entity(catalogue, listed, one)]


def audiences(catalogue: Catalogue, entity: str | None = None) -> list[Entry]:
    """Entries of the audiences of an entity, by default of all."""
    return [
        Entry(audience.entity, "audience", name, Column("boolean", audience.describes), "", audience.owner, "")
        for name, audience in sorted(catalogue.audiences.items())
        if entity in (None, audience.entity)
    ]


def _of_entity(catalogue: Catalogue, stages: list[Stage], entity: type[Entity]) -> Iterator[Entry]:
    used = users(catalogue, stages, entity)
    used = {name: [*who, *_journeys(catalogue, who)] for name, who in used.items()}
    names = catalogue.names(entity)
    for file in sorted(catalogue.tags.values(), key=lambda file: file.name):
        if file.entity == entity.name:
            for name, tag in file.named():
                yield _of_tag(entity, name, tag, names[name], file.owner, file.describes, used)
    views = [*catalogue.views_of(entity), *(v for v in catalogue.names_only.values() if v.entity is entity)]
    for view in sorted(views, key=lambda view: view.name):
        about = " ".join((view.__doc__ or "").split())
        for name, feature in view.features.items():
            full = f"{view.name}.{name}"
            yield Entry(entity.name, "feature", full, names[full], feature.zh, view.owner, about, view.lifecycle,
                        view.purpose, (), tuple(used.get(full, ())))  # fmt: skip
    for spec in catalogue.models_of(entity):
        about = " ".join((spec.__doc__ or "").split())
        for full in (f"{spec.name}.{column}" for column in spec.score_columns()):
            yield Entry(entity.name, "score", full, names[full], "", spec.owner, about,
                        inputs=tuple(spec.features), used_by=tuple(used.get(full, ())))  # fmt: skip
    table = catalogue.tables.get(entity.table.name, entity.table)
    for full in (f"{entity.name}.{column}" for column in entity.attributes(catalogue.tables)):
        yield Entry(entity.name, "attribute", full, names[full], "", table.owner, table.about(),
                    used_by=tuple(used.get(full, ())))  # fmt: skip


def _of_tag(
    entity: type[Entity], name: str, tag: Tag, column: Column, owner: str, about: str, used: dict[str, list[str]]
) -> Entry:
    inputs, users_of_tag = tuple(tag.inputs()), tuple(used.get(name, ()))
    return Entry(entity.name, "tag", name, column, tag.zh, owner, about, tag.lifecycle, None, inputs, users_of_tag)


def _journeys(catalogue: Catalogue, who: Iterable[str]) -> Iterator[str]:
    """Journeys whose audience is among these users."""
    for journey in catalogue.journeys.values():
        if f"audience {journey.enters}" in who:
            yield f"journey {journey.name}"


def entry_of(listed: Iterable[Entry], name: str, entity: str | None = None) -> Entry:
    """The entry of a name, which may leave out the scene where it is clear. Raises ConfigError with the nearest."""
    among = [entry for entry in listed if entity in (None, entry.entity)]
    exact = [entry for entry in among if entry.name == name]
    matches = exact or [entry for entry in among if name in (entry.name.partition(".")[2], entry.zh) and name]
    if len(matches) == 1:
        return matches[0]
    if matches:
        choices = ", ".join(f"{entry.name} (of {entry.entity})" for entry in matches)
        raise ConfigError(f"{name!r} may be {choices}: write it in full, or add --entity")
    raise ConfigError(f"there is no tag or feature {name!r}; {nearest(name, [entry.name for entry in among])};"
                      f" quanyu tags WORD searches by meaning")  # fmt: skip
