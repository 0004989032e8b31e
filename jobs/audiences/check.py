"""Checks of tags and audiences."""

from __future__ import annotations

from collections.abc import Iterable

from quanyu.discover import Catalogue
from quanyu.errors import nearest
from quanyu.grammar.declaration import Problems


def check_audiences(catalogue: Catalogue, platforms: Iterable[str], problems: Problems) -> None:
    """Check the rules, measures and platforms of audiences."""
    columns = catalogue.names(catalogue.entities["customer"])
    for audience in catalogue.audiences.values():
        problems.found += audience.problems(columns, catalogue.tables, platforms).found


def check_tags(catalogue: Catalogue, problems: Problems) -> None:
    """Check the tags of every scene, and that its name is no other's."""
    others = {*catalogue.views, *catalogue.faulty, *catalogue.models, *catalogue.entities}
    for scene, file in catalogue.tags.items():
        if file.entity not in catalogue.entities:
            problems.add(
                file.file, "entity", f"unknown entity {file.entity!r}; {nearest(file.entity, catalogue.entities)}"
            )
            continue
        if scene in others:
            problems.add(file.file, "", f"there is a view, model or entity {scene!r}: give the scene another name")
        problems.found += file.problems(catalogue.names(catalogue.entities[file.entity])).found
