"""Layers of settings: base.yml, then the environment's file, then variables QUANYU__SECTION__KEY."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from quanyu.errors import Problem, nearest
from quanyu.grammar.declaration import Problems, explain
from quanyu.grammar.yaml_file import load_yaml

PREFIX = "QUANYU__"
Layers = list[tuple[str, dict[str, Any]]]


def read_layers(folder: Path, named: str, variables: Mapping[str, str], problems: Problems) -> Layers:
    """Read every layer, lowest precedence first, with its file name or `environment`. Mistakes go to `problems`.

    `named` is the environment whose file overrides base.yml, or empty.
    """
    files = [folder / "base.yml"]
    if named and not (folder / f"{named}.yml").is_file():
        environments = [other.stem for other in folder.glob("*.yml") if other.stem != "base"]
        problems.add("QUANYU_ENV", named, f"{folder / f'{named}.yml'} is missing; {nearest(named, environments)}")
    elif named:
        files.append(folder / f"{named}.yml")
    layers: Layers = []
    for file in files:
        with problems.gather():
            layers.append((str(file), load_yaml(file)))
    return [*layers, ("environment", _sections(variables))]


def _sections(variables: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in sorted(variables.items()):
        if key.startswith(PREFIX):
            *sections, last = key[len(PREFIX) :].lower().split("__")
            at = values
            for section in sections:
                at[section] = at[section] if isinstance(at.get(section), dict) else {}
                at = at[section]
            at[last] = value
    return values


def merged(layers: list[dict[str, Any]]) -> dict[str, Any]:
    """Merge the layers section by section; later ones override earlier ones."""
    result: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            both = isinstance(value, dict) and isinstance(result.get(key), dict)
            result[key] = merged([result[key], value]) if both else value
    return result


def problem_of(model: type[BaseModel], layers: Layers, item: Any) -> Problem:
    """Explain one mistake, located in the last layer that sets the value."""
    return Problem(*place_in(layers, [str(part) for part in item["loc"]]), explain(model, item))


def place_in(layers: Layers, loc: Sequence[str]) -> tuple[str, str]:
    """File and key of a setting in the last layer that sets it."""
    file = next((name for name, layer in reversed(layers) if _says(layer, loc)), layers[0][0])
    return file, PREFIX + "__".join(loc).upper() if file == "environment" else ".".join(loc)


def _says(layer: Any, loc: Sequence[str]) -> bool:
    for part in loc:
        if not isinstance(layer, dict) or part not in layer:
            return not isinstance(layer, dict)
        layer = layer[part]
    return True
