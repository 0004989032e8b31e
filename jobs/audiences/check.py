"""Checks of tags, audiences and pages of entities."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path

from jobs.audiences.rules import full_name
from quanyu.discover import Catalogue
from quanyu.errors import nearest
from quanyu.expressions import ExpressionError, parse
from quanyu.grammar.audience import Audience
from quanyu.grammar.declaration import Problems
from quanyu.grammar.lifecycle import Use
from quanyu.grammar.tags import TagFile, profile_column


def check_audiences(catalogue: Catalogue, platforms: Iterable[str], problems: Problems) -> None:
    """Check the entities, rules, measures and platforms of audiences."""
    names = sorted(platforms)
    for audience in catalogue.audiences.values():
        if not _is_about_an_entity(audience, catalogue, problems):
            continue
        entity = catalogue.entities[audience.entity]
        columns = catalogue.names(entity)
        problems.found += audience.problems(entity, columns, catalogue.tables, names).found
        profile = {profile_column(name): name for name in columns}
        for measure in audience.measures:
            if name := profile.get(full_name(audience, measure)):
                words = f"{audience.name}.{measure} and {name} are one column: give the measure another name"
                problems.add(audience.file, f"measures.{measure}", words)


def check_tags(catalogue: Catalogue, problems: Problems) -> None:
    """Check the tags of every scene, and that its name is no other's."""
    others = {*catalogue.views, *catalogue.names_only, *catalogue.models, *catalogue.entities}
    for scene, file in catalogue.tags.items():
        if not _is_about_an_entity(file, catalogue, problems):
            continue
        if scene in others:
            problems.add(file.file, "", f"there is a view, model or entity {scene!r}: give the scene another name")
        problems.found += file.problems(catalogue.names(catalogue.entities[file.entity])).found


def check_pages(catalogue: Catalogue, problems: Problems) -> None:
    """Check the pages of a conf folder; what it has taken away of the house's names, default pages leave out."""
    for name, page in catalogue.pages.items():
        if name not in catalogue.entities:
            problems.add(page.file, "", f"a page is named by its entity; {nearest(name, catalogue.entities)}")
        elif Path(page.file).is_relative_to(catalogue.settings.conf):
            problems.found += page.problems(catalogue.names(catalogue.entities[name])).found


def _is_about_an_entity(declared: Audience | TagFile, catalogue: Catalogue, problems: Problems) -> bool:
    if declared.entity in catalogue.entities:
        return True
    words = f"unknown entity {declared.entity!r}; {nearest(declared.entity, catalogue.entities)}"
    problems.add(declared.file, "entity", words)
    return False


def uses(catalogue: Catalogue) -> list[Use]:
    """What tags are made of, what rules of audiences name, and what pages show.

    Expressions with mistakes are reported elsewhere.
    """
    listed: list[Use] = []
    for file in catalogue.tags.values():
        for name, tag in file.named():
            with contextlib.suppress(ExpressionError):
                key = f"tags.{name.partition('.')[2]}"
                listed += [Use(file.entity, used, f"tag {name}", file.file, key) for used in tag.inputs()]
    for audience in catalogue.audiences.values():
        with contextlib.suppress(ExpressionError):
            user = f"audience {audience.name}"
            listed += [Use(audience.entity, used, user, audience.file, "who") for used in parse(audience.who).columns]
    for name, page in catalogue.pages.items():
        sections = catalogue.shown_on_page(catalogue.entities[name]) if name in catalogue.entities else {}
        listed += [
            Use(name, used, f"page {name}", page.file, f"sections.{section}")
            for section, used_names in sections.items()
            for used in used_names
        ]
    return listed
