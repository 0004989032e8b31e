"""Finds every declaration by its folder, so that no registry is needed. The only module that imports by name."""

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

from quanyu.config.settings import Settings
from quanyu.errors import ConfigError, Problem, nearest
from quanyu.expressions.aggregates import condition
from quanyu.feeds.source import Source
from quanyu.grammar.audience import Audience
from quanyu.grammar.declaration import Problems, file_of
from quanyu.grammar.feature import FeatureView
from quanyu.grammar.identity import Identity
from quanyu.grammar.job import Job
from quanyu.grammar.journey import Journey
from quanyu.grammar.model_spec import ModelSpec
from quanyu.grammar.table import Column, Table

# Modules of the stages, in the order of the daily run; each has a function `steps(catalogue)`.
ROOMS = (
    "jobs.ingest.steps", "jobs.unify.steps", "quanyu.as_of", "ml.lifecycle.steps",
    "jobs.audiences.steps", "jobs.exports.steps", "jobs.journeys.steps",
    "jobs.upkeep.steps",
)  # fmt: skip
# Modules with commands; each has a function `add(app)`.
COMMANDS = (
    "quanyu.servers.commands", "quanyu.home.commands", "quanyu.home.backup_commands", "quanyu.run.summary",
    "jobs.steward.commands", "jobs.verify.commands", "jobs.journeys.commands", "jobs.consent.commands",
)  # fmt: skip
_YAML: dict[str, Any] = {"sources": Source, "audiences": Audience, "journeys": Journey}


def modules(package: str) -> Iterator[ModuleType]:
    """Import every module directly below a package, sorted by name."""
    root = importlib.import_module(package)
    for module in sorted(pkgutil.iter_modules(root.__path__, f"{package}."), key=lambda item: item.name):
        if not module.ispkg:
            yield importlib.import_module(module.name)


def call(where: str) -> Any:
    """Import the object `module:name`."""
    module, _, name = where.partition(":")
    return getattr(importlib.import_module(module), name)


def subclasses(modules: Iterator[ModuleType], base: type) -> list[Any]:
    """List the subclasses of `base` that the modules define themselves, in order of definition."""
    return [
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, base)
        and value is not base
        and value.__module__ == module.__name__
    ]


def jobs_in(package: str) -> list[Job]:
    """List the jobs that a package declares."""
    return [value for module in modules(package) for value in vars(module).values() if isinstance(value, Job)]


def instances_in(package: str, base: type) -> list[Any]:
    """List the instances of `base` that a package declares."""
    return [value for module in modules(package) for value in vars(module).values() if isinstance(value, base)]


def _own_module(path: Path) -> ModuleType:
    """Import a Python file of a conf folder under a unique module name. Raises ConfigError."""
    name = f"quanyu_conf_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}_{path.stem}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise ConfigError(Problem(str(path), "", "cannot be imported"))
        sys.modules[name] = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(sys.modules[name])
        except (Exception, SystemExit) as error:
            del sys.modules[name]
            if isinstance(error, ConfigError):
                raise
            raise ConfigError(Problem(str(path), "", f"cannot be imported: {error}")) from None
    return sys.modules[name]


@dataclass(frozen=True)
class Catalogue:
    """All declarations of one conf folder."""

    settings: Settings
    identity: Identity
    tables: dict[str, type[Table]]
    views: dict[str, type[FeatureView]]
    models: dict[str, type[ModelSpec]]
    sources: dict[str, Source] = field(default_factory=dict)
    audiences: dict[str, Audience] = field(default_factory=dict)
    journeys: dict[str, Journey] = field(default_factory=dict)
    faulty: dict[str, type[FeatureView]] = field(default_factory=dict)

    @cached_property
    def known(self) -> dict[str, Column]:
        """Columns that rules may name: `view.feature`, `view.tag`, `model.score`."""
        views = [*self.views.values(), *self.faulty.values()]
        columns = {f"{view.name}.{name}": c for view in views for name, c in view.names(self.tables).items()}
        return columns | {f"{model}.score": self.tables["scores"].columns["score"] for model in self.models}


def load(settings: Settings, problems: Problems | None = None) -> Catalogue:
    """Load and check every declaration. Raises one ConfigError with the mistakes of all files, and with `problems`."""
    problems = problems or Problems()
    tables = {table.name: table for table in subclasses(modules("quanyu.model"), Table)}
    views, faulty = _views(settings, problems, tables)
    loaded: dict[str, dict[str, Any]] = {folder: {} for folder in _YAML}
    for folder, kind in _YAML.items():
        for path in sorted((settings.conf / folder).glob("*.yml")):
            with problems.gather():
                loaded[folder][path.stem] = kind.load(path)
    tables |= {view.name: view.table(tables) for view in views.values()}
    identity, models = _identity(settings, problems, tables), _models(settings, problems)
    catalogue = Catalogue(settings, identity, tables, views, models, **loaded, faulty=faulty)
    _check(catalogue, problems)
    problems.check()
    return catalogue


def _identity(settings: Settings, problems: Problems, tables: dict[str, type[Table]]) -> Identity:
    """Rules of identity resolution: those of the conf folder, or the default ones."""
    own = settings.conf / "identity.yml"
    house = Path(__file__).parents[1] / "conf" / "identity.yml"
    with problems.gather():
        identity: Identity = Identity.load(own if own.is_file() else house)
        problems.found += identity.problems(tables, call("jobs.unify.matching.comparison:BLOCK_FIELDS")).found
        return identity
    return Identity.load(house)  # type: ignore[no-any-return]


Views = dict[str, type[FeatureView]]


def _views(settings: Settings, problems: Problems, tables: dict[str, type[Table]]) -> tuple[Views, Views]:
    """Valid views, and views with mistakes, of which only the names are used."""
    views: Views = {}
    faulty: Views = {}
    for view in _declared("features", settings.conf, FeatureView, problems):
        wrong = view.problems(tables).found
        if view.name in {*tables, *views, *faulty}:
            wrong.append(Problem(file_of(view), view.__name__, f"there is another table or view {view.name!r}"))
        problems.found += wrong
        (faulty if wrong else views).setdefault(view.name, view)
    return views, faulty


def _models(settings: Settings, problems: Problems) -> dict[str, type[ModelSpec]]:
    models: dict[str, type[ModelSpec]] = {}
    for spec in _declared("ml", settings.conf, ModelSpec, problems):
        if spec.name in models:
            problems.add(file_of(spec), spec.__name__, f"there is another model {spec.name!r}")
        models.setdefault(spec.name, spec)
    return models


def _declared(package: str, conf: Path, base: type, problems: Problems) -> Iterator[Any]:
    """Subclasses of `base` in a package of ours, then those in the conf folder."""
    yield from subclasses(modules(package), base)
    for path in sorted((conf / package).glob("*.py")):
        with problems.gather():
            yield from subclasses(iter([_own_module(path)]), base)


def _check(catalogue: Catalogue, problems: Problems) -> None:
    for source in catalogue.sources.values():
        problems.found += source.problems(catalogue.tables).found
    platforms = [module.__name__.rsplit(".", 1)[1] for module in modules("jobs.exports.platforms")]
    for audience in catalogue.audiences.values():
        problems.found += audience.problems(catalogue.known, catalogue.tables, platforms).found
    for journey in catalogue.journeys.values():
        problems.found += journey.problems(
            _names(catalogue, "audiences"), catalogue.tables, catalogue.journeys.values()
        ).found
        with problems.gather():
            call("jobs.journeys.sending.addresses:templates")(
                [journey], {journey.name: call("jobs.journeys.program:program")(journey)}
            )
    for spec in catalogue.models.values():
        problems.found += spec.problems()
        _check_model(catalogue, spec, problems)
    _check_wins(catalogue, problems)


def _check_model(catalogue: Catalogue, spec: type[ModelSpec], problems: Problems) -> None:
    """Check that the features and tables of a model exist. `ModelSpec.problems` reports missing parts."""
    file, tables = file_of(spec), [name for name, table in catalogue.tables.items() if table.happens]
    named = [("features", feature) for feature in spec.features]
    if hasattr(spec, "baseline"):
        named.append(("baseline", spec.baseline.feature))
    for key, feature in dict.fromkeys(named):
        if feature not in catalogue.known:
            problems.add(
                file, f"{spec.name}.{key}", f"unknown feature {feature!r}; {nearest(feature, catalogue.known)}"
            )
    if hasattr(spec, "label") and spec.label.none_of not in tables:
        none_of = spec.label.none_of
        problems.add(file, f"{spec.name}.label", f"unknown table {none_of!r}; {nearest(none_of, tables)}")
    elif hasattr(spec, "label"):
        with problems.noted(file, f"{spec.name}.label.where"):
            spec.label.plan(catalogue.tables)
    with problems.noted(file, f"{spec.name}.population"):
        condition(spec.population or "true", catalogue.known)


def _check_wins(catalogue: Catalogue, problems: Problems) -> None:
    """Check that the survivorship settings (`wins`) name columns of customers, and sources."""
    columns = [name for name, column in catalogue.tables["customers"].columns.items() if column.wins]
    sources = _names(catalogue, "sources")
    for column, order in catalogue.settings.wins.items():
        file = str(catalogue.settings.conf / "base.yml")
        if column not in columns:
            problems.add(file, f"wins.{column}", f"unknown column {column!r}; {nearest(column, columns)}")
        for source in order:
            if source not in sources:
                problems.add(file, f"wins.{column}", f"unknown source {source!r}; {nearest(source, sources)}")


def _names(catalogue: Catalogue, folder: str) -> list[str]:
    """Names of all declarations of a folder, also those with mistakes, which are reported elsewhere."""
    return sorted(path.stem for path in (catalogue.settings.conf / folder).glob("*.yml"))
