"""Finds every declaration by its folder, so that adding one needs no registry; the only place that imports by name."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

from quanyu.audience import Audience
from quanyu.declare import Problems
from quanyu.errors import ConfigError, Problem, nearest
from quanyu.expressions import parse
from quanyu.feature import FeatureView
from quanyu.job import Job
from quanyu.journey import Journey
from quanyu.modelspec import ModelSpec
from quanyu.settings import Settings
from quanyu.source import Source
from quanyu.table import Table

# Rooms in the order in which the loop runs through them; each has a function `steps(catalogue)`.
ROOMS = (
    "jobs.ingest.steps", "jobs.unify.steps", "quanyu.asof", "ml.lifecycle.steps",
    "jobs.audiences.steps", "jobs.exports.steps", "jobs.journeys.steps",
)  # fmt: skip
_YAML: dict[str, Any] = {"sources": Source, "audiences": Audience, "journeys": Journey}


def modules(package: str) -> Iterator[ModuleType]:
    """Import every module below a package of ours, by name, in order."""
    root = importlib.import_module(package)
    for found in sorted(pkgutil.iter_modules(root.__path__, f"{package}."), key=lambda item: item.name):
        if not found.ispkg:
            yield importlib.import_module(found.name)


def call(where: str) -> Any:
    """Return the object behind `module:name`."""
    module, _, name = where.partition(":")
    return getattr(importlib.import_module(module), name)


def subclasses(found: Iterator[ModuleType], base: type) -> list[Any]:
    """List the classes of a kind that the modules themselves define, in order of appearance."""
    return [
        value
        for module in found
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, base) and value is not base and value.__module__ == module.__name__
    ]


def jobs_in(package: str) -> list[Job]:
    """List the jobs that a package declares."""
    return [value for module in modules(package) for value in vars(module).values() if isinstance(value, Job)]


def instances_in(package: str, base: type) -> list[Any]:
    """List the objects of a kind that a package declares."""
    return [value for module in modules(package) for value in vars(module).values() if isinstance(value, base)]


def _own_modules(folder: Path) -> Iterator[ModuleType]:
    """Import the Python files of a conf folder of a retailer's own, under names nobody else has."""
    for path in sorted(folder.glob("*.py")):
        name = f"quanyu_conf_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}_{path.stem}"
        if name not in sys.modules:
            spec = importlib.util.spec_from_file_location(name, path)
            if spec is None or spec.loader is None:
                raise ConfigError(Problem(str(path), "", "cannot be imported"))
            made = importlib.util.module_from_spec(spec)
            sys.modules[name] = made
            try:
                spec.loader.exec_module(made)
            except ConfigError:
                del sys.modules[name]
                raise
            except Exception as error:
                del sys.modules[name]
                raise ConfigError(Problem(str(path), "", f"cannot be imported: {error}")) from None
        yield sys.modules[name]


@dataclass(frozen=True)
class Catalogue:
    """Everything that is declared, for one conf folder."""

    settings: Settings
    tables: dict[str, type[Table]]
    views: dict[str, type[FeatureView]]
    models: dict[str, type[ModelSpec]]
    sources: dict[str, Source] = field(default_factory=dict)
    audiences: dict[str, Audience] = field(default_factory=dict)
    journeys: dict[str, Journey] = field(default_factory=dict)

    @cached_property
    def known(self) -> dict[str, str]:
        """What rules may name, with types: `view.feature`, `view.tag`, `model.score`."""
        found = {f"{v.name}.{name}": kind for v in self.views.values() for name, kind in v.types().items()}
        return found | {f"{model}.score": "double" for model in self.models}


def load(settings: Settings) -> Catalogue:
    """Load and check every declaration. Raises one ConfigError with all mistakes of all files."""
    problems = Problems()
    tables = {table.name: table for table in subclasses(modules("quanyu.model"), Table)}
    views = _views(settings, problems, tables)
    models = _models(settings, problems)
    loaded: dict[str, dict[str, Any]] = {folder: {} for folder in _YAML}
    for folder, kind in _YAML.items():
        for path in sorted((settings.conf / folder).glob("*.yml")):
            with problems.gather():
                loaded[folder][path.stem] = kind.load(path)
    tables |= {view.name: view.table() for view in views.values()}
    found = Catalogue(settings, tables, views, models, **loaded)
    _check(found, problems)
    problems.check()
    return found


def _views(settings: Settings, problems: Problems, tables: dict[str, type[Table]]) -> dict[str, type[FeatureView]]:
    found: dict[str, type[FeatureView]] = {}
    with problems.gather():
        own = list(_own_modules(settings.conf / "features"))
        for view in [*subclasses(modules("features"), FeatureView), *subclasses(iter(own), FeatureView)]:
            wrong = view.problems(tables)
            problems.found += wrong.found
            if not wrong.found:
                found[view.name] = view
    return found


def _models(settings: Settings, problems: Problems) -> dict[str, type[ModelSpec]]:
    found: dict[str, type[ModelSpec]] = {}
    with problems.gather():
        for spec in [*subclasses(modules("ml"), ModelSpec), *subclasses(_own_modules(settings.conf / "ml"), ModelSpec)]:
            found[spec.name] = spec
    return found


def _check(found: Catalogue, problems: Problems) -> None:
    for source in found.sources.values():
        problems.found += source.problems(found.tables).found
    platforms = [module.__name__.rsplit(".", 1)[1] for module in modules("jobs.exports.platforms")]
    for audience in found.audiences.values():
        problems.found += audience.problems(found.known, found.tables, platforms).found
    for journey in found.journeys.values():
        problems.found += journey.problems(found.audiences, found.tables).found
    for spec in found.models.values():
        problems.found += spec.problems()
        wanted = [*spec.features, *parse(spec.population).columns, spec.baseline.feature]
        for feature in dict.fromkeys(wanted):
            if feature not in found.known:
                problems.add(spec.__module__, f"{spec.name}.features", f"unknown feature {feature!r}; {nearest(feature, found.known)}")
        if spec.label.none_of not in found.tables:
            problems.add(spec.__module__, f"{spec.name}.label", f"unknown table; {nearest(spec.label.none_of, found.tables)}")
