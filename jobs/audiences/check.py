"""Checks of tags, audiences and pages of entities."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from jobs.audiences import references, rules, static_lists
from quanyu.discover import Catalogue
from quanyu.errors import nearest
from quanyu.expressions import ExpressionError, parse
from quanyu.grammar.audience import RESERVED, Alike, Audience, full_name
from quanyu.grammar.declaration import Problems, file_of
from quanyu.grammar.entity import Entity
from quanyu.grammar.lifecycle import Use
from quanyu.grammar.names import circles, with_inputs
from quanyu.grammar.tags import TagFile, profile_column
from quanyu.grammar.task import NUMBERS


def check_audiences(catalogue: Catalogue, platforms: Mapping[str, Sequence[str]], problems: Problems) -> None:
    """Check the entities, rules, measures, lists and platforms of audiences.

    `platforms` has, by name, the kinds of identifiers that each accepts.
    """
    names, delivered = sorted(platforms), {one.kind for source in catalogue.sources.values() for one in source.person}
    wrong = references.circle(catalogue, problems)
    for audience in catalogue.audiences.values():
        if not _is_about_an_entity(audience, catalogue, problems):
            continue
        entity = catalogue.entities[audience.entity]
        columns = rules.names_for_rules(catalogue, entity)
        problems.found += audience.problems(entity, columns, catalogue.tables, names).found
        references.check_named(catalogue, audience, problems)
        static_lists.check_lists(catalogue.settings.conf, audience, problems)
        profile = {profile_column(name): name for name in columns}
        for measure in audience.measures:
            if name := profile.get(full_name(audience, measure)):
                words = f"{audience.name}.{measure} and {name} are one column: give the measure another name"
                problems.add(audience.file, f"measures.{measure}", words)
        for place in audience.send_to:
            kinds = platforms.get(place, ())
            if kinds and delivered and not delivered & {*kinds}:
                words = f"{place} takes {', '.join(kinds)}, and no source delivers any of them"
                problems.add(audience.file, "send_to", words)
        if not wrong:
            references.check_purposes(catalogue, audience, problems)
            if audience.alike:
                _check_alike(audience, audience.alike, catalogue, problems)


def _check_alike(audience: Audience, alike: Alike, catalogue: Catalogue, problems: Problems) -> None:
    """Add unknown seeds and names of a lookalike audience, and those that it cannot use."""
    columns = catalogue.names(catalogue.entities[audience.entity])
    for name in alike.names():
        key = "alike.features" if name in alike.features else "alike.weigh_by"
        if name not in columns:
            problems.add(audience.file, key, f"unknown name {name!r}; {nearest(name, columns)}")
        # An invalid or retired one has no type, and is reported itself.
        elif columns[name].type and not columns[name].type.startswith(NUMBERS):
            words = f"{name!r} is a {columns[name].type}: likeness is measured by numbers, and what is true or false"
            problems.add(audience.file, key, words)
    about = rules.about(catalogue, catalogue.entities[audience.entity])
    usable = {other.name: other for other in about if not other.alike}
    for name in alike.seeds:
        if name in usable:
            _check_features(audience, alike, usable[name], catalogue, problems)
            continue
        words = f"unknown audience {name!r}; {nearest(name, usable)}"
        if other := catalogue.audiences.get(name):
            words = f"{name!r} is made of a seed itself" if other.alike else f"{name!r} is about {other.entity}"
        problems.add(audience.file, "alike.seeds", words)


def _check_features(
    audience: Audience, alike: Alike, seed: Audience, catalogue: Catalogue, problems: Problems
) -> None:  # fmt: skip
    """Add features that the rule of a seed names: they would find those who nearly fulfil it, and any lift."""
    tags = catalogue.tags_of(catalogue.entities[audience.entity])
    with contextlib.suppress(ExpressionError):
        defining = {*with_inputs(rules.names_in_rules(catalogue, [seed]), tags)}
        for feature in alike.features:
            if defining & {*with_inputs([feature], tags)}:
                words = f"{feature!r} decides who is in {seed.name}: that alone would tell who is like it"
                problems.add(audience.file, "alike.features", words)


def check_tags(catalogue: Catalogue, problems: Problems) -> None:
    """Check the tags of every scene, and that its name is no other's."""
    others = {*RESERVED, *catalogue.views, *catalogue.names_only, *catalogue.models, *catalogue.entities}
    for scene, file in catalogue.tags.items():
        if not _is_about_an_entity(file, catalogue, problems):
            continue
        if scene in others:
            words = f"there is a view, model, entity or kind of reference {scene!r}: give the scene another name"
            problems.add(file.file, "", words)
        problems.found += file.problems(catalogue.names(catalogue.entities[file.entity])).found
    for entity in catalogue.entities.values():
        _check_circles(entity, catalogue, problems)


def _check_circles(entity: type[Entity], catalogue: Catalogue, problems: Problems) -> None:
    """Add circles of tags and models of an entity, each in the file of its first name."""
    files = {name: file.file for file in catalogue.tags.values() for name, _ in file.named()}
    for circle in circles(catalogue.tags_of(entity), catalogue.models):
        owner, _, own = circle[0].partition(".")
        words = f"a circle: {' -> '.join(circle)}: one of them needs to be made of something else"
        if circle[0] in files:
            problems.add(files[circle[0]], f"tags.{own}", words)
        else:
            problems.add(file_of(catalogue.models[owner]), f"{owner}.features", words)


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
        user = f"audience {audience.name}"
        with contextlib.suppress(ExpressionError):
            listed += [Use(audience.entity, used, user, audience.file, "who") for used in parse(audience.who).columns]
        for used in audience.alike.names() if audience.alike else ():
            listed.append(Use(audience.entity, used, user, audience.file, "alike"))
        if audience.seed and audience.seed.value:
            listed.append(Use(audience.entity, audience.seed.value, user, audience.file, "seed.value"))
    for name, page in catalogue.pages.items():
        sections = catalogue.shown_on_page(catalogue.entities[name]) if name in catalogue.entities else {}
        listed += [
            Use(name, used, f"page {name}", page.file, f"sections.{section}")
            for section, used_names in sections.items()
            for used in used_names
        ]
    return listed
