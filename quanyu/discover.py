"""Loads every declaration of a conf folder and of the house, found by its folder, so that no registry is needed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from types import ModuleType
from typing import Any

from quanyu.config.settings import Settings
from quanyu.errors import ConfigError, Problem
from quanyu.feeds.source import Source
from quanyu.grammar.audience import Audience
from quanyu.grammar.declaration import Problems, digest, file_of
from quanyu.grammar.entity import Entity
from quanyu.grammar.feature import FeatureView
from quanyu.grammar.identity import Identity
from quanyu.grammar.journey import Journey
from quanyu.grammar.lifecycle import check_lifecycles
from quanyu.grammar.metrics.metric import MetricFile, MetricTree
from quanyu.grammar.model_spec import ModelSpec
from quanyu.grammar.names import in_dependency_order, names_of, with_inputs
from quanyu.grammar.offers.offer import CampaignOffers
from quanyu.grammar.own_columns import OwnColumns, over_extended
from quanyu.grammar.pages.entity_page import EntityPage
from quanyu.grammar.platforms.account import Account
from quanyu.grammar.table import Column, Table
from quanyu.grammar.tags import Tag, TagFile
from quanyu.imports import beside, modules, own_module, subclasses
from quanyu.model.outcomes import memberships_of, profile_of, score_columns, scores_of, training_of
from quanyu.run.stage import Stage

HOUSE = Path(__file__).parents[1] / "conf"
# Folders of a conf folder with YAML declarations, and what each file in them is.
Entities = dict[str, type[Entity]]
FOLDERS: dict[str, Any] = {
    "sources": Source, "audiences": Audience, "journeys": Journey, "offers": CampaignOffers,
    "platforms": Account,
}  # fmt: skip
# Those of which the house has default files too.
DEFAULTS: dict[str, Any] = {"tags": TagFile, "metrics": MetricFile, "pages": EntityPage}


def stages() -> list[Stage]:
    """Every stage, in the order of the daily run. Raises ConfigError for stages that wait for each other."""
    by_name = {stage.name: stage for stage in beside(Stage)}
    try:
        order = TopologicalSorter({name: stage.after for name, stage in sorted(by_name.items())}).static_order()
        return [by_name[name] for name in order if name in by_name]
    except CycleError as error:
        raise ConfigError(f"stages wait for each other: {', '.join(error.args[1])}") from None


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
    offers: dict[str, CampaignOffers] = field(default_factory=dict)
    platforms: dict[str, Account] = field(default_factory=dict)
    """Accounts on advertising platforms."""
    tags: dict[str, TagFile] = field(default_factory=dict)
    metrics: dict[str, MetricFile] = field(default_factory=dict)
    pages: dict[str, EntityPage] = field(default_factory=dict)
    """Pages of entities, by the entity's name."""
    metric_tree: MetricTree | None = None
    entities: dict[str, type[Entity]] = field(default_factory=dict)
    names_only: dict[str, type[FeatureView]] = field(default_factory=dict)
    """Views that are not computed, with mistakes or retired, so that their names are known."""

    def names(self, entity: type[Entity]) -> dict[str, Column]:
        """Columns that rules about an entity may name, as `names_of` lists them."""
        return self._names[entity.name]

    def shown_on_page(self, entity: type[Entity]) -> dict[str, tuple[str, ...]]:
        """Names by section of the entity's page; a default page leaves out what a conf folder has taken away."""
        page = self.pages.get(entity.name)
        if page is None or Path(page.file).is_relative_to(self.settings.conf):
            return page.sections if page else {}
        computed = {name for name, column in self.names(entity).items() if column.type}
        sections = {section: tuple(n for n in listed if n in computed) for section, listed in page.sections.items()}
        return {section: listed for section, listed in sections.items() if listed}

    def tags_of(self, entity: type[Entity]) -> dict[str, Tag]:
        """Tags of an entity that are not retired, by `scene.tag`, each after its inputs."""
        return {name: tag for name, tag in self._tags[entity.name].items() if tag.lifecycle != "retired"}

    def tag_digests(self, entity: type[Entity]) -> list[str]:
        """Hashes of the tag files about an entity."""
        return [file.digest() for file in self.tags.values() if file.entity == entity.name]

    def tags_behind(self, entity: type[Entity], names: Iterable[str]) -> dict[str, str]:
        """Hash of each tag of an entity that is among the names, or that one of these is made of."""
        tags = self.tags_of(entity)
        return {name: digest(repr(tags[name])) for name in sorted(with_inputs(names, tags)) if name in tags}

    def views_of(self, entity: type[Entity]) -> list[type[FeatureView]]:
        """Views that measure an entity."""
        return [view for view in self.views.values() if view.entity is entity]

    def models_of(self, entity: type[Entity]) -> list[type[ModelSpec]]:
        """Models that score an entity."""
        return [spec for spec in self.models.values() if getattr(spec, "entity", None) is entity]

    @cached_property
    def _tags(self) -> dict[str, dict[str, Tag]]:
        files = self.tags.values()
        named = {e: {n: t for file in files if file.entity == e for n, t in file.named()} for e in self.entities}
        return {entity: in_dependency_order(tags, self.models) for entity, tags in named.items()}

    @cached_property
    def _names(self) -> dict[str, dict[str, Column]]:
        names = {}
        for name, entity in self.entities.items():
            others = [view for view in self.names_only.values() if getattr(view, "entity", None) is entity]
            views, models = [*self.views_of(entity), *others], self.models_of(entity)
            names[name] = names_of(entity, views, models, self._tags[name], self.tables)
        return names


def load(settings: Settings, problems: Problems | None = None) -> Catalogue:
    """Load and check every declaration. Raises one ConfigError with the mistakes of all files, and with `problems`."""
    problems = problems or Problems()
    declared_entities = _declared(modules("quanyu.model"), settings.conf / "features", Entity, problems)
    entities = {entity.name: entity for entity in declared_entities}
    tables = _tables(settings, problems, entities)
    views, names_only = _views(settings, problems, tables)
    loaded: dict[str, Any] = {name: _files(problems, kind, settings.conf / name) for name, kind in FOLDERS.items()}
    loaded |= {name: _files(problems, kind, HOUSE / name, settings.conf / name) for name, kind in DEFAULTS.items()}
    tables |= {view.name: view.table(tables) for view in views.values()}
    tree, identity = (_default(settings, problems, kind.kind, kind) for kind in (MetricTree, Identity))
    loaded |= {"models": _models(settings, problems), "entities": entities, "names_only": names_only}
    catalogue = Catalogue(settings, identity, tables, views, metric_tree=tree, **loaded)
    with problems.gather():
        tables |= {table.name: table for table in _tables_of_entities(catalogue)}
        for stage in stages():
            stage.check(catalogue, problems)
        check_lifecycles(catalogue, stages(), problems)
    problems.check()
    return catalogue


def _tables(settings: Settings, problems: Problems, entities: Entities) -> dict[str, type[Table]]:
    """The tables of the One Model, with those and the columns that the conf folder adds."""
    tables: dict[str, type[Table]] = {}
    for table in _declared(modules("quanyu.model"), settings.conf / "tables", Table, problems):
        if table.name in tables:
            problems.add(file_of(table), table.__name__, f"there is another table {table.name!r}")
        tables.setdefault(table.name, table)
    sources = [path.stem for path in (settings.conf / "sources").glob("*.yml")]
    lists = [entity.table.name for entity in entities.values() if not entity.resolved]
    for path in sorted((settings.conf / "tables").glob("*.yml")):
        with problems.gather():
            own: OwnColumns = OwnColumns.load(path)
            problems.found += own.problems(tables, sources, lists).found
            tables |= own.extend(tables)
    return tables


def _files(problems: Problems, kind: Any, *folders: Path) -> dict[str, Any]:
    """Declarations of YAML files by name; a file of a later folder replaces one of an earlier."""
    files = {path.stem: path for folder in folders for path in sorted(folder.glob("*.yml"))}
    loaded: dict[str, Any] = {}
    for name, path in files.items():
        with problems.gather():
            loaded[name] = kind.load(path)
    return loaded


def _tables_of_entities(catalogue: Catalogue) -> Iterator[type[Table]]:
    """Scores, memberships and the profile of each entity that has any. Customers always have memberships."""
    members = {audience.entity for audience in catalogue.audiences.values()}
    for name, entity in catalogue.entities.items():
        if entity.resolved or name in members:
            yield memberships_of(entity)
        if models := catalogue.models_of(entity):
            yield scores_of(entity, score_columns(models))
            yield training_of(entity)
        if catalogue.views_of(entity) or catalogue.tags_of(entity):
            yield profile_of(entity, {n: column for n, column in catalogue.names(entity).items() if column.type})


def _default(settings: Settings, problems: Problems, name: str, kind: Any) -> Any:
    """The file NAME.yml of the conf folder, or the default one, which also counts where the other has mistakes."""
    own = settings.conf / f"{name}.yml"
    with problems.gather():
        return kind.load(own if own.is_file() else HOUSE / own.name)
    return kind.load(HOUSE / own.name)


Views = dict[str, type[FeatureView]]


def _views(settings: Settings, problems: Problems, tables: dict[str, type[Table]]) -> tuple[Views, Views]:
    """Views to compute, and those with mistakes and retired ones, of which only the names are used."""
    views: Views = {}
    names_only: Views = {}
    for declared in _declared(modules("features", folders=True), settings.conf / "features", FeatureView, problems):
        view = over_extended(declared, tables)
        wrong = view.problems(tables).found
        if view.name in {*tables, *views, *names_only}:
            wrong.append(Problem(file_of(view), view.__name__, f"there is another table or view {view.name!r}"))
        problems.found += wrong
        (names_only if wrong or view.lifecycle == "retired" else views).setdefault(view.name, view)
    return views, names_only


def _models(settings: Settings, problems: Problems) -> dict[str, type[ModelSpec]]:
    models: dict[str, type[ModelSpec]] = {}
    for spec in _declared(modules("ml"), settings.conf / "ml", ModelSpec, problems):
        if spec.name in models:
            problems.add(file_of(spec), spec.__name__, f"there is another model {spec.name!r}")
        models.setdefault(spec.name, spec)
    return models


def _declared(ours: Iterator[ModuleType], folder: Path, base: type, problems: Problems) -> Iterator[Any]:
    """Subclasses of `base` in modules of ours, then those in a folder of the conf folder."""
    yield from subclasses(ours, base)
    for path in sorted(folder.glob("*.py")):
        with problems.gather():
            yield from subclasses(iter([own_module(path)]), base)


def file_names(catalogue: Catalogue, folder: str) -> list[str]:
    """Names of all declarations of a folder, also those with mistakes, which are reported elsewhere."""
    return sorted(path.stem for path in (catalogue.settings.conf / folder).glob("*.yml"))
