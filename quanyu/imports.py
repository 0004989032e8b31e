"""Imports modules by their folder, and lists what they declare. The only module that imports by name."""

from __future__ import annotations

import hashlib
import importlib
import pkgutil
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from quanyu.errors import ConfigError, Problem


def modules(package: str, folders: bool = False) -> Iterator[ModuleType]:
    """Import every module directly below a package, sorted by name, and with `folders` those of packages in it."""
    root = importlib.import_module(package)
    for module in sorted(pkgutil.iter_modules(root.__path__, f"{package}."), key=lambda item: item.name):
        if not module.ispkg:
            yield importlib.import_module(module.name)
        elif folders:
            yield from modules(module.name, folders)


_Base = TypeVar("_Base")


def beside(base: type[_Base]) -> list[_Base]:
    """Make one of each subclass of `base` in the packages beside this one, sorted by file.

    A subclass lies one or two folders down, in a file with the name of the base's own: `jobs/ingest/stage.py` declares
    a subclass of `quanyu.run.stage.Stage`. Files that do not import the base are not ours, and are not imported.
    """
    file = f"{base.__module__.rpartition('.')[2]}.py"
    return [declared() for declared in subclasses(iter(_modules_beside(file, base.__module__)), base)]


def commands() -> list[ModuleType]:
    """Modules with commands, which `add(app)` adds: those of `quanyu.commands`, and each `commands.py` of a stage."""
    return [*modules("quanyu.commands"), *_modules_beside("commands.py", "quanyu.cli")]


@cache
def _modules_beside(file: str, base: str) -> tuple[ModuleType, ...]:
    root = Path(__file__).parents[1]
    paths = sorted(path for depth in ("*", "*/*") for path in root.glob(f"{depth}/{file}"))
    declaring = (path for path in paths if f"from {base} import" in path.read_text(encoding="utf-8"))
    names = (".".join(path.relative_to(root).with_suffix("").parts) for path in declaring)
    return tuple(importlib.import_module(name) for name in names)


def only(base: type[_Base]) -> _Base:
    """The one object of `beside`. Raises ConfigError without one."""
    declared = beside(base)
    if declared:
        return declared[0]
    raise ConfigError(f"no package beside quanyu declares a {base.__name__}: install the product as a whole")


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


def instances_in(package: str, base: type[_Base]) -> list[_Base]:
    """List the instances of `base` that a package declares."""
    return [value for module in modules(package) for value in vars(module).values() if isinstance(value, base)]


def own_module(path: Path) -> ModuleType:
    """Import a Python file of a folder of a conf folder, such as `ml/spend.py`. Raises ConfigError.

    A conf folder is a package, so that its files may import each other: `from .tasks.regression import Regression`.
    """
    conf = path.parents[1]
    package = f"quanyu_conf_{hashlib.sha256(str(conf).encode()).hexdigest()[:8]}"
    if package not in sys.modules:
        sys.modules[package] = ModuleType(package)
        sys.modules[package].__path__ = [str(conf)]
    try:
        # A file that was written just now may not be listed yet.
        importlib.invalidate_caches()
        return importlib.import_module(f"{package}.{path.parent.name}.{path.stem}")
    except ConfigError:
        raise
    except (Exception, SystemExit) as error:
        outdated = isinstance(error, TypeError) or str(getattr(error, "name", "")).partition(".")[0] == "quanyu"
        hint = "; docs/upgrading.md says what has moved" if outdated else ""
        raise ConfigError(Problem(str(path), "", f"cannot be imported: {error}{hint}")) from None
