"""The table of functions that expressions may call: arguments, result, and the form that is the same on both engines.

A line is `name(arguments) -> result`, then, after `=`, the safe form if the plain call differs between the engines or
may fail; `{0}` is the first argument, `{*}` all of them. Arguments are types, or:

- `text`: any type with a unique text form (no double, no list); it is cast to text;
- `number`, `decimal`: any number, any decimal; `T`: any type, the same everywhere in the line;
- `'pattern'`, `'format'`, `'unit'`, `'path'`, `'text'`, `'number'`, `'bits'`: a literal, checked as such;
- `T -> U`: a lambda; `...` repeats an argument.

A `?` after the result: it may be null on purpose although no argument is null, such as a missing list element.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from quanyu.expressions.functions.entries import TABLE

_LINE = re.compile(r"(\w+)\((.*?)\) -> ([\w<>(),]+)(\??)(?: = (.+))?")


@dataclass(frozen=True)
class Function:
    """One signature of a function: kinds of its arguments, type of its result, and its safe form, if any."""

    name: str
    kinds: tuple[str, ...]
    result: str
    form: str | None
    may_be_null: bool = False

    @property
    def repeats(self) -> bool:
        """Whether the last argument may be repeated any number of times, also zero."""
        return bool(self.kinds) and self.kinds[-1].endswith("...")

    @property
    def loses(self) -> bool:
        """Whether its safe form is null if it cannot be computed."""
        return self.form is not None and (self.form.isidentifier() or re.search("null|try_", self.form) is not None)

    def kind(self, position: int) -> str | None:
        """Kind of the argument at a position; None if there is no such argument."""
        if self.repeats and position >= len(self.kinds) - 1:
            return self.kinds[-1].removesuffix("...")
        return self.kinds[position] if position < len(self.kinds) else None

    def takes(self, count: int) -> bool:
        """Whether it accepts this number of arguments."""
        return count >= len(self.kinds) - 1 if self.repeats else count == len(self.kinds)

    def written(self) -> str:
        """The signature, for messages."""
        return f"{self.name}({', '.join(self.kinds)})"


@cache
def functions() -> dict[str, tuple[Function, ...]]:
    """Every function by name, with all its signatures."""
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
