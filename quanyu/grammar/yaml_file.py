"""Reads one YAML file strictly and within limits: a regular file of the conf folder, in UTF-8, small and flat."""

from __future__ import annotations

import re
import stat
from pathlib import Path
from typing import Any

import yaml
from yaml.composer import Composer

from quanyu.errors import ConfigError, Problem

MOST_BYTES, MOST_NODES, DEEPEST = 1 << 20, 50_000, 40


class _Loader(Composer, yaml.CSafeLoader):  # type: ignore[misc]
    """Refuses duplicate keys, of which plain YAML silently uses the last, and aliases that expand without bounds.

    Dates, clock times and numbers in odd forms (0123, 1_000, 12:30) are read as text. libyaml reads the events, which
    takes a third of the time.
    """

    def __init__(self, stream: str) -> None:
        yaml.CSafeLoader.__init__(self, stream)
        Composer.__init__(self)  # type: ignore[no-untyped-call]
        self._nodes = self._depth = 0
        # Number of nodes that each anchor expands to; none while its own node is read.
        self._sizes: dict[int, int] = {}

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Count expanded nodes (an alias counts as all its nodes), and limit the nesting depth."""
        event: Any = self.peek_event()
        mark = event.start_mark
        alias = self.check_event(yaml.AliasEvent)  # type: ignore[no-untyped-call]
        self._depth += 1
        if self._depth > DEEPEST:
            raise yaml.MarkedYAMLError(problem=f"nested more than {DEEPEST} deep", problem_mark=mark)
        before = self._nodes
        node = super().compose_node(parent, index)  # type: ignore[no-untyped-call]
        self._depth -= 1
        if alias and id(node) not in self._sizes:
            raise yaml.MarkedYAMLError(problem="an alias is inside of its own anchor", problem_mark=mark)
        self._nodes += self._sizes[id(node)] if alias else 1
        if self._nodes > MOST_NODES:
            words = f"more than {MOST_NODES} keys and values, aliases written out"
            raise yaml.MarkedYAMLError(problem=words, problem_mark=mark)
        self._sizes.setdefault(id(node), self._nodes - before)
        return node


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    keys: set[Any] = set()
    for key_node, _ in node.value:
        if not isinstance(key_node, yaml.ScalarNode):
            raise yaml.MarkedYAMLError(problem="a key is a single word", problem_mark=key_node.start_mark)
        key = loader.construct_object(key_node)  # type: ignore[no-untyped-call]
        if key in keys:
            raise yaml.MarkedYAMLError(problem=f"the key {key!r} is given twice", problem_mark=key_node.start_mark)
        keys.add(key)
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)
_INT, _FLOAT = "tag:yaml.org,2002:int", "tag:yaml.org,2002:float"
_Loader.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in forms if tag not in ("tag:yaml.org,2002:timestamp", _INT, _FLOAT)]
    for first, forms in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
# Plain YAML reads 0123 as 83, 12:30 as 750 and 1_000 as 1000. Here all of these are text.
_Loader.add_implicit_resolver(_INT, re.compile(r"[-+]?(0|[1-9][0-9]*)$"), list("-+0123456789"))
_Loader.add_implicit_resolver(
    _FLOAT, re.compile(r"([-+]?([0-9]+\.[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$"),
    list("-+0123456789."),
)  # fmt: skip


def load_yaml(path: Path) -> dict[str, Any]:
    """Read one YAML file with a mapping. Its real path must be in its own folder.

    Raises ConfigError with the line of a mistake, and for a file outside of the conf folder before it is read.
    """
    try:
        loaded = yaml.load(_text(path), _Loader)  # noqa: S506 (a SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ConfigError(Problem(str(path), line, f"not valid YAML: {error.problem}")) from None
    except (yaml.YAMLError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise ConfigError(Problem(str(path), "", "not valid YAML in UTF-8")) from None
    except OSError as error:
        raise ConfigError(Problem(str(path), "", f"cannot be read: {error.strerror}")) from None
    if loaded is None:
        return {}
    if not isinstance(loaded, dict):
        raise ConfigError(Problem(str(path), "", f"must hold keys and values, not {type(loaded).__name__}"))
    return loaded


def _text(path: Path) -> str:
    look = path.stat()
    if not path.resolve().is_relative_to(path.parent.resolve()):
        raise ConfigError(Problem(str(path), "", f"is a link out of {path.parent}: put the file itself there"))
    if not stat.S_ISREG(look.st_mode):
        raise ConfigError(Problem(str(path), "", "is no regular file, but a folder, a pipe or a device"))
    if look.st_size > MOST_BYTES:
        raise ConfigError(Problem(str(path), "", f"has {look.st_size} bytes; at most {MOST_BYTES} are allowed"))
    return path.read_text(encoding="utf-8")
