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
from quanyu.model.entities import Customer


def check(catalogue: Catalogue, problems: Problems) -> None:
    """Add the mistakes in all models, and in the offers that they are for, to `problems`."""
    for spec in catalogue.models.values():
        problems.found += spec.problems()
        _check_model(catalogue, spec, problems)
    for offers in catalogue.offers.values():
        problems.found += offers.problems(catalogue.names(Customer)).found


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


def uses(catalogue: Catalogue) -> list[Use]:
    """What models learn from, and what their population and baseline name."""
    specs = [spec for spec in catalogue.models.values() if hasattr(spec, "entity")]
    return [
        Use(spec.entity.name, name, f"model {spec.name}", file_of(spec), spec.name)
        for spec in specs
        for name in inputs_of(spec)
    ]
