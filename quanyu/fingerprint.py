"""The fingerprint of code: a hash of modules and of all of ours that they import, without comments and docstrings."""

from __future__ import annotations

import hashlib
import re
import sys
from functools import cache
from pathlib import Path
from types import CodeType, ModuleType

_ROOT = Path(__file__).parents[1]
_LIBRARY = __name__.partition(".")[0]
_CONF = re.compile(rf"^{_LIBRARY}_conf_\w+\.")
_IMPORT = re.compile(r"^[ \t]*(?:from ([\w.]+) import (\([^)]*\)|[^\n#]*)|import ([\w., ]+))", re.MULTILINE)


def fingerprint(*modules: ModuleType | str) -> str:
    """Hash the code that results of these modules depend on: their own, and the modules of ours that they import.

    A change of any of it changes the hash; comments, docstrings and layout do not. Imports within the library and
    within the packages of the modules are followed, also those within functions.
    """
    names = [module if isinstance(module, str) else module.__name__ for module in modules]
    packages = frozenset([_LIBRARY, *(name.partition(".")[0] for name in names)])
    closure, waiting = set[str](), list(names)
    while waiting:
        name = waiting.pop()
        if name not in closure and _file(name) is not None:
            closure.add(name)
            waiting += [other for other in _imports(name) if other.partition(".")[0] in packages]
    # The first part of the name of a conf folder's module is a hash of the folder's path.
    lines = sorted(f"{_CONF.sub('', name)} {_code(name)}\n" for name in closure)
    return _hash("".join(lines))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@cache
def _source(name: str) -> str:
    file = _file(name)
    return file.read_text(encoding="utf-8") if file else ""


@cache
def _code(name: str) -> str:
    """Hash of what a module compiles to: without docstrings, and without the lines on which things are."""
    return _hash(_plain(compile(_source(name), name, "exec", dont_inherit=True, optimize=2)))


def _plain(code: CodeType) -> str:
    constants = (_plain(value) if isinstance(value, CodeType) else _constant(value) for value in code.co_consts)
    names = (code.co_name, code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    return repr((code.co_code.hex(), code.co_flags, code.co_exceptiontable.hex(), names, *constants))


def _constant(value: object) -> str:
    # The order of a set of texts differs from process to process.
    return repr(sorted(map(repr, value))) if isinstance(value, frozenset) else repr(value)


@cache
def _file(name: str) -> Path | None:
    path = _ROOT.joinpath(*name.split("."))
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.is_file():
            return file
    # A module of a conf folder has a name that says nothing of its place.
    own = getattr(sys.modules.get(name), "__file__", None)
    return Path(own) if own and own.endswith(".py") else None


@cache
def _imports(name: str) -> tuple[str, ...]:
    """Names that a module imports, of modules and of what is in them."""
    names = []
    for module, members, plain in _IMPORT.findall(_source(name)):
        if plain:
            names += [part.split(" as ")[0].strip() for part in plain.split(",")]
            continue
        listed = re.sub(r"#[^\n]*", "", members).strip("()").split(",")
        source = _absolute(module, name)
        names += [source, *(f"{source}.{part.split(' as ')[0].strip()}" for part in listed if part.strip())]
    return tuple(names)


def _absolute(module: str, importer: str) -> str:
    """Name of an imported module, which files of a conf folder may write relative to their own: `.tasks.regression`."""
    plain = module.lstrip(".")
    dots = len(module) - len(plain)
    return ".".join([*importer.split(".")[:-dots], *filter(None, [plain])]) if dots else module
