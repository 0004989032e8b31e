"""Checks of tags and audiences."""

from __future__ import annotations

from collections.abc import Iterable

from jobs.audiences.rules import full_name
from quanyu.discover import Catalogue
from quanyu.errors import nearest
from quanyu.grammar.declaration import Problems
from quanyu.grammar.tags import profile_column
from quanyu.model.entities import Customer


def check_audiences(catalogue: Catalogue, platforms: Iterable[str], problems: Problems) -> None:
    """Check the rules, measures and platforms of audiences."""
    columns = catalogue.names(Customer)
    profile = {profile_column(name): name for name in columns}
    for audience in catalogue.audiences.values():
        problems.found += audience.problems(columns, catalogue.tables, platforms).found
        for measure in audience.measures:
            if name := profile.get(full_name(audience, measure)):
                words = f"{audience.name}.{measure} and {name} are one column: give the measure another name"
                problems.add(audience.file, f"measures.{measure}", words)


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
