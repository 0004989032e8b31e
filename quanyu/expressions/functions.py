"""The table of functions that expressions may call: arguments, result, and the form that is the same on both engines.

A line is `name(arguments) -> result`, then, after `=`, the safe form where the plain call differs between the engines
or may fail; `{0}` is the first argument, `{*}` all of them. Arguments are types, or:

- `text`: whatever has one written form (no double, no list); it is cast to text;
- `number`, `decimal`: any number, any decimal; `T`: any type, the same wherever it stands in a line;
- `'pattern'`, `'format'`, `'unit'`, `'path'`, `'text'`, `'number'`, `'bits'`: a literal, checked as such;
- `T -> U`: a lambda; `...` repeats an argument.

A `?` after the result says that a null may be meant, though every argument is there: a place that a list lacks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from quanyu.expressions.function_table import TABLE

_LINE = re.compile(r"(\w+)\((.*?)\) -> ([\w<>(),]+)(\??)(?: = (.+))?")


@dataclass(frozen=True)
class Function:
    """One way to call a function: kinds of its arguments, the type of its result, and its safe form, if any."""

    name: str
    kinds: tuple[str, ...]
    result: str
    form: str | None
    may_be_null: bool = False

    @property
    def repeats(self) -> bool:
        """Whether the last argument may come any number of times, also none."""
        return bool(self.kinds) and self.kinds[-1].endswith("...")

    @property
    def loses(self) -> bool:
        """Whether its safe form makes a null of what it cannot compute."""
        return self.form is not None and (self.form.isidentifier() or re.search("null|try_", self.form) is not None)

    def kind(self, position: int) -> str | None:
        """What the argument at a position must be, or None when there may be none."""
        if self.repeats and position >= len(self.kinds) - 1:
            return self.kinds[-1].removesuffix("...")
        return self.kinds[position] if position < len(self.kinds) else None

    def takes(self, count: int) -> bool:
        """Whether so many arguments may be given."""
        return count >= len(self.kinds) - 1 if self.repeats else count == len(self.kinds)

    def written(self) -> str:
        """How it is called, for messages."""
        return f"{self.name}({', '.join(self.kinds)})"


@cache
def functions() -> dict[str, tuple[Function, ...]]:
    """Every function by name, with all the ways to call it."""
    ways: dict[str, list[Function]] = {}
    for line in TABLE.splitlines():
        if line.strip():
            parsed = _parsed(line.strip())
            ways.setdefault(parsed.name, []).append(parsed)
    return {name: tuple(each) for name, each in ways.items()}


def _parsed(line: str) -> Function:
    match = _LINE.fullmatch(line)
    if match is None:
        raise ValueError(f"no line of the table of functions: {line}")
    name, kinds, result, mark, form = match.groups()
    return Function(name, tuple(re.split(r", (?![^(]*\))", kinds)) if kinds else (), result, form, bool(mark))
