"""The kinds of declarations: YAML files by pydantic models, and Python classes by subclassing. Found, not listed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from quanyu import discover, imports
from quanyu.config.settings import Settings
from quanyu.errors import ConfigError, nearest
from quanyu.grammar.declaration import YamlDeclaration, snake_case

HOUSE = Path(__file__).parents[3]
# Packages with declarations that are Python classes.
PACKAGES = ("quanyu.model", "features", "ml")


@dataclass(frozen=True)
class YamlKind:
    """A kind that is written in YAML: its model, and the files below the conf folder, as a pattern."""

    name: str
    model: type[BaseModel]
    files: str

    def example(self, conf: Path) -> Path | None:
        """The file of a conf folder that shows most keys; of two with as many, the shorter one. None without a file."""
        files = conf.glob(self.files)
        return max(files, key=lambda file: (_keys(file), -file.stat().st_size, file.name), default=None)


@dataclass(frozen=True)
class PythonKind:
    """A kind that is declared by a subclass of `base`, and the package with ours."""

    name: str
    base: type
    package: str

    def example(self) -> type:
        """The class of ours that sets most keys; of two with as many, the one with fewer attributes."""
        keys = set(self.base.__annotations__)
        declared: list[type] = imports.subclasses(imports.modules(self.package), self.base)
        named = ((cls, vars(cls)) for cls in declared)
        cls, _ = max(named, key=lambda pair: (len(keys & set(pair[1])), -len(pair[1]), pair[0].__name__))
        return cls


def yaml_kinds() -> dict[str, YamlKind]:
    """Kinds written in YAML, by name."""
    places = {model: f"{folder}/*.yml" for folder, model in discover.FOLDERS.items()}
    models = sorted(YamlDeclaration.__subclasses__(), key=lambda model: model.kind)
    kinds = [YamlKind(model.kind, model, places.get(model) or _files(model.kind)) for model in models]
    return {kind.name: kind for kind in [*kinds, YamlKind("settings", Settings, "base.yml")]}


def python_kinds() -> dict[str, PythonKind]:
    """Kinds declared by subclassing, by name: classes of quanyu/grammar that look at their subclasses."""
    bases = [
        base
        for package in ("quanyu.grammar", "quanyu.grammar.feature")
        for base in imports.subclasses(imports.modules(package), object)
        if "__init_subclass__" in vars(base) and not issubclass(base, BaseModel)
    ]
    kinds = [PythonKind(snake_case(base.__name__), base, package) for base in bases if (package := _package(base))]
    return {kind.name: kind for kind in kinds}


def yaml_kind(name: str) -> YamlKind:
    """A kind written in YAML. Raises ConfigError with the nearest name."""
    kinds = yaml_kinds()
    if name in kinds:
        return kinds[name]
    if name in python_kinds():
        raise ConfigError(f"{name} is a Python class, for which editors need no schema: quanyu reference {name}")
    raise ConfigError(f"unknown kind {name!r}; {nearest(name, kinds)}")


def _files(kind: str) -> str:
    """Files of a kind: those of the folder with its name if that is a plural, else the one file."""
    return f"{kind}/*.yml" if kind.endswith("s") else f"{kind}.yml"


def _package(base: type) -> str:
    """The first package that declares something of this kind; empty if none does."""
    return next((name for name in _packages() if imports.subclasses(imports.modules(name), base)), "")


def _packages() -> Iterator[str]:
    """Packages with declarations, each with the packages in it."""
    for package in PACKAGES:
        folder = HOUSE / package.replace(".", "/")
        yield package
        yield from (f"{package}.{file.parent.name}" for file in sorted(folder.glob("*/__init__.py")))


def _keys(file: Path) -> int:
    """Number of different keys in a YAML file."""
    return len(set(re.findall(r"([a-z_]+):(?=\s|$)", file.read_text(encoding="utf-8"))))
