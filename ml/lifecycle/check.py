"""Checks that what a model names exists."""

from __future__ import annotations

from dataclasses import replace

from quanyu.discover import Catalogue
from quanyu.errors import nearest
from quanyu.expressions.aggregates import condition
from quanyu.grammar.declaration import Problems, file_of
from quanyu.grammar.lifecycle import Use
from quanyu.grammar.model_spec import ModelSpec
from quanyu.grammar.names import inputs_of
from quanyu.grammar.task import NUMBERS

SEGMENTS = ("string", "boolean", "")


def check(catalogue: Catalogue, problems: Problems) -> None:
    """Add the mistakes in all models to `problems`."""
    for spec in catalogue.models.values():
        problems.found += spec.problems()
        _check_model(catalogue, spec, problems)


def _check_model(catalogue: Catalogue, spec: type[ModelSpec], problems: Problems) -> None:
    """Check that the features and tables of a model exist. `ModelSpec.problems` reports missing parts."""
    file, tables = file_of(spec), [name for name, table in catalogue.tables.items() if table.event_time]
    if not hasattr(spec, "entity"):
        return
    names = catalogue.names(spec.entity)
    named = [("features", feature) for feature in spec.features]
    if spec.baseline:
        named.append(("baseline", spec.baseline.feature))
    for key, feature in dict.fromkeys(named):
        if feature not in names:
            problems.add(file, f"{spec.name}.{key}", f"unknown feature {feature!r}; {nearest(feature, names)}")
        # An invalid or retired one has no type, and is reported itself.
        elif names[feature].type and not names[feature].type.startswith(NUMBERS):
            words = (
                f"{feature!r} is a {names[feature].type}: a model learns from numbers, and from what is true or false"
            )
            problems.add(file, f"{spec.name}.{key}", f"{words}; name a tag that is true for the value that matters")
    _check_segments(catalogue, spec, problems)
    _check_experiment(catalogue, spec, problems)
    if hasattr(spec, "label") and spec.label.over not in tables:
        over = spec.label.over
        problems.add(file, f"{spec.name}.label", f"unknown table {over!r}; {nearest(over, tables)}")
    elif hasattr(spec, "label"):
        with problems.capture(file, f"{spec.name}.label.value"):
            replace(spec.label, where="").plan(catalogue.tables)
            with problems.capture(file, f"{spec.name}.label.where"):
                spec.label.plan(catalogue.tables)
    with problems.capture(file, f"{spec.name}.population"):
        condition(spec.population or "true", names)


def _check_segments(catalogue: Catalogue, spec: type[ModelSpec], problems: Problems) -> None:
    file, names = file_of(spec), catalogue.names(spec.entity)
    for segment in spec.segments:
        if segment not in names:
            problems.add(file, f"{spec.name}.segments", f"unknown name {segment!r}; {nearest(segment, names)}")
        elif names[segment].type not in SEGMENTS:
            words = f"{segment!r} is a {names[segment].type}: a segment is a text, or true or false"
            problems.add(file, f"{spec.name}.segments", f"{words}; name a tag with bands")


def _check_experiment(catalogue: Catalogue, spec: type[ModelSpec], problems: Problems) -> None:
    file, key = file_of(spec), f"{spec.name}.experiment"
    if spec.experiment is None:
        return
    if not spec.entity.resolved:
        problems.add(file, key, f"campaigns draw persons, and no {spec.entity.plural(2)}: leave it out")
    spec.experiment.check(file, key, catalogue.tables, problems)


def uses(catalogue: Catalogue) -> list[Use]:
    """What models learn from, and what their population and baseline name."""
    specs = [spec for spec in catalogue.models.values() if hasattr(spec, "entity")]
    return [
        Use(spec.entity.name, name, f"model {spec.name}", file_of(spec), spec.name)
        for spec in specs
        for name in dict.fromkeys([*inputs_of(spec), *spec.segments])
    ]
