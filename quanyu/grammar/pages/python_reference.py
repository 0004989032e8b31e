"""Reference pages of declarations that are Python classes, from the source of the classes.

A key is an annotated attribute; a text below it says what it is.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from quanyu.grammar.pages.kinds import HOUSE, PythonKind
from quanyu.markdown import grid


@dataclass(frozen=True)
class Key:
    """One attribute of a declaration: its annotation and default as in the source, and the text below it."""

    name: str
    type: str
    default: str
    about: str


def page(kind: PythonKind) -> str:
    """The page of one kind: its keys, its parts and an example."""
    example = kind.example()
    file = Path(inspect.getfile(example)).relative_to(HOUSE)
    place = kind.package.replace(".", "/")
    head = f"# {kind.name}\n\n{_docstring(kind.base)}\n\nA subclass of `{kind.base.__name__}` in `{place}/`.\n"
    sections = [f"## {part.__name__}\n\n{_docstring(part)}\n\n{_table(part)}" for part in parts(kind.base)]
    code = f"## Example\n\n`{file}`\n\n```python\n{inspect.getsource(example).strip()}\n```\n"
    return "\n".join([head, _table(kind.base), *sections, code])


def about(declared: type) -> str:
    """The first sentence of a class's docstring, in one line."""
    text = " ".join((declared.__doc__ or "").split())
    return re.split(r"(?<=\.)\s", text, maxsplit=1)[0]


def keys(declared: type) -> list[Key]:
    """Annotated attributes of a class, in order."""
    [tree] = ast.parse(textwrap.dedent(inspect.getsource(declared))).body
    assert isinstance(tree, ast.ClassDef)  # noqa: S101 (for the type checker)
    return list(_keys(declared, tree.body))


def _keys(declared: type, body: list[ast.stmt]) -> Iterator[Key]:
    computed = _computed(body)
    for statement, below in zip(body, [*body[1:], ast.Pass()], strict=True):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            name = statement.target.id
            default = ast.unparse(statement.value) if statement.value else "required"
            kind, allowed = _type(declared, statement.annotation)
            about = " ".join(filter(None, [_text(below), allowed]))
            yield Key(name, kind, "by itself" if name in computed else default, about)


def _computed(body: list[ast.stmt]) -> set[str]:
    """Attributes that the class sets by itself when it is declared: `cls.x = ...` in `__init_subclass__`."""
    hooks = [item for item in body if isinstance(item, ast.FunctionDef) and item.name == "__init_subclass__"]
    stores = (node for hook in hooks for node in ast.walk(hook) if isinstance(node, ast.Attribute))
    return {node.attr for node in stores if isinstance(node.ctx, ast.Store)}


def _type(declared: type, annotation: ast.expr) -> tuple[str, str]:
    """The type as in the source, and a sentence with the allowed values of `Annotated[type, VALUES]`."""
    text = re.sub(r"^ClassVar\[(.*)\]$", r"\1", ast.unparse(annotation))
    if not (match := re.fullmatch(r"Annotated\[(.+), ([A-Z_]+)\]", text)):
        return text, ""
    values = vars(sys.modules[declared.__module__])[match[2]]
    return match[1], f"One of {', '.join(f'`{value}`' for value in values)}."


def _text(statement: ast.stmt) -> str:
    """The text that a statement consists of; empty for any other statement."""
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return " ".join(str(statement.value.value).split())
    return ""


def parts(declared: type) -> list[type]:
    """Classes of the grammar that the keys of a class consist of, and of which kinds there are of these."""
    classes: list[type] = []
    waiting = [declared]
    while waiting:
        current = waiting.pop(0)
        named = {name for key in keys(current) for name in re.findall(r"\w+", f"{key.type} {key.default}")}
        inside = [value for name, value in vars(sys.modules[current.__module__]).items() if name in named]
        for part in [*filter(_is_part, inside), *current.__subclasses__()]:
            if _is_part(part) and part not in classes:
                classes.append(part)
                waiting.append(part)
    return classes


def _is_part(value: object) -> bool:
    """Whether it is a class of the grammar that is a part of a declaration, and no declaration by itself."""
    ours = isinstance(value, type) and value.__module__.startswith("quanyu.grammar.")
    return ours and "__init_subclass__" not in vars(value)


def _docstring(declared: type) -> str:
    return inspect.cleandoc(declared.__doc__ or "")


def _table(declared: type) -> str:
    """The table of the keys of a class; those that it has from its base stand there."""
    rows = [(f"`{key.name}`", f"`{key.type}`", _default(key.default), key.about) for key in keys(declared)]
    return grid(("key", "type", "default", "what it is"), rows) if rows else ""


def _default(code: str) -> str:
    """The default as in the source; empty for nothing, and for one that has no words in the source."""
    if code in ("", "required", "by itself"):
        return code
    plain = code not in ("''", "()", "{}", "None") and not code.startswith(("_", "field("))
    return f"`{code}`" if plain else ""
