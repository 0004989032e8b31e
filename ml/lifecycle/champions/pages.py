"""Tables of models for the terminal: who scores, and how versions compare."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table as Grid

from ml.lifecycle.champions.meaning import meaning
from ml.lifecycle.champions.versions import CHAMPION, ModelVersion
from quanyu.discover import Catalogue
from quanyu.grammar.model_spec import ModelSpec
from quanyu.printable import cell

if TYPE_CHECKING:
    from ml.lifecycle.registry import Registry


def overview(catalogue: Catalogue, registry: Registry) -> RenderableType:
    """Every model with its champion, when that was trained, and its main figures."""
    panel = _grid("Models", "model", "scores", "champion", "trained on", "figures on a later period", "owner")
    for name, spec in catalogue.models.items():
        champion = next((each for each in registry.versions(name) if CHAMPION in each.aliases), None)
        if champion is None:
            panel.add_row(*map(cell, (name, spec.entity.plural(2), "none yet", "", "", spec.owner)))
            continue
        state = f"version {champion.version}" + ("" if _holds(catalogue, champion) else ", of another declaration")
        figures = ", ".join(f"{words} {value}" for words, value in _figures(spec, registry.metrics(champion)).items())
        row = (name, spec.entity.plural(2), state, champion.trained_on, figures, spec.owner)
        panel.add_row(*map(cell, row))
    return panel


def versions_of(catalogue: Catalogue, registry: Registry, name: str) -> RenderableType:
    """The versions of a model, newest first, and what it foretells."""
    spec, versions = catalogue.models[name], registry.versions(name)
    about = cell(f"{name}: {' '.join((spec.__doc__ or '').split())}")
    if not versions:
        return Group(about, cell(f"not trained yet; quanyu job train.{name} --day DAY --force trains it now"))
    panel = _grid(name, "version", "trained on", "alias", *spec.task.headings.values(), "gates", "why")
    for version in versions:
        figures = _figures(spec, registry.metrics(version))
        reasons = [*version.reasons, *version.decisions]
        reasons += [] if _holds(catalogue, version) else ["of another declaration than today's"]
        row = (version.version, version.trained_on, ", ".join(version.aliases), *figures.values(),
               "passed" if version.passed else "failed", "; ".join(reasons))  # fmt: skip
        panel.add_row(*map(cell, row))
    return Group(about, panel)


def _grid(title: str, *columns: str) -> Grid:
    panel = Grid(title=title, title_justify="left", title_style="bold", header_style="bold")
    for column in columns:
        panel.add_column(column, overflow="fold")
    return panel


def _holds(catalogue: Catalogue, version: ModelVersion) -> bool:
    return version.meaning == meaning(catalogue, catalogue.models[version.name])


def _figures(spec: type[ModelSpec], metrics: Mapping[str, float]) -> dict[str, str]:
    """The task's main metrics in words, by heading."""
    return {words: f"{metrics[name]:.3f}" if name in metrics else "" for name, words in spec.task.headings.items()}
