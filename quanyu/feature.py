"""FeatureView, Feature and Tag: what is known of a customer as of a day, computed in one pass per view."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from quanyu.declare import NAME, Problems, digest, file_of
from quanyu.errors import ConfigError
from quanyu.expressions import ExpressionError, check_columns, check_type, family, mismatches, parse
from quanyu.table import TYPE, Column, Table

_DEFAULT = object()


def days(number: int) -> int:
    """A window of whole days that ends with `as_of`, its day included."""
    return number


@dataclass(frozen=True)
class Feature:
    """An aggregate over the view's rows. `within`, where given, differs from the view's window; None is all time."""

    expression: str
    about: str
    unit: str = ""
    type: str | None = None
    within: Any = _DEFAULT
    where: str | None = None


@dataclass(frozen=True)
class Tag:
    """A state that a customer is in or not: a condition on the view's features. `scene` says what it is used for."""

    expression: str
    about: str
    scene: str = ""


class FeatureView:
    """What is known of a customer from one table. Subclasses give Features and Tags, and `over`, `within`, `where`."""

    owner: ClassVar[str]
    over: ClassVar[type[Table]]
    within: ClassVar[int | None] = None
    where: ClassVar[str | None] = None

    name: ClassVar[str]
    features: ClassVar[dict[str, Feature]]
    tags: ClassVar[dict[str, Tag]]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cls.__name__).lower()
        cls.features = {key: value for key, value in vars(cls).items() if isinstance(value, Feature)}
        cls.tags = {key: value for key, value in vars(cls).items() if isinstance(value, Tag)}

    @classmethod
    def window(cls, feature: Feature) -> int | None:
        """Days that a feature looks back; None for all time."""
        return cls.within if feature.within is _DEFAULT else feature.within

    @classmethod
    def types(cls) -> dict[str, str]:
        """Spark type of every feature and tag, in order."""
        made = {name: feature.type or _type(cls, feature) for name, feature in cls.features.items()}
        return {**made, **dict.fromkeys(cls.tags, "boolean")}

    @classmethod
    def table(cls) -> type[Table]:
        """The gold table that holds the view: a row per customer and day."""
        body: dict[str, Any] = {
            "__doc__": f"{(cls.__doc__ or '').strip()} Key: customer_id, as_of.", "__module__": cls.__module__,
            "layer": "gold", "keys": ("customer_id", "as_of"), "slice_by": "as_of", "owner": cls.owner,
            "customer_id": Column("string", "Customer.", required=True),
            "as_of": Column("date", "Day at whose end this is known.", required=True),
        }  # fmt: skip
        for name, kind in cls.types().items():
            told: Any = cls.features.get(name) or cls.tags[name]
            body[name] = Column(kind, told.about, unit=getattr(told, "unit", ""))
        return type(cls.__name__, (Table,), body)

    @classmethod
    def problems(cls, tables: Mapping[str, type[Table]]) -> Problems:
        """Check every expression against the table the view is over, and those it refers to."""
        found, file = Problems(), file_of(cls)
        if not (cls.__doc__ or "").strip():
            found.add(file, cls.__name__, "says in a docstring what it knows")
        for attribute in ("owner", "over"):
            if not hasattr(cls, attribute):
                found.add(file, f"{cls.__name__}.{attribute}", "is missing")
        if found.found:
            return found
        for key, message in _shape(cls):
            found.add(file, f"{cls.__name__}.{key}", message)
        known = reach(cls.over, tables)
        checks: list[tuple[str, Callable[[], None]]] = []
        checks += [(name, partial(_check_feature, feature, known)) for name, feature in cls.features.items()]
        checks += [("where", partial(_check_rule, cls.where, known))] if cls.where else []
        checks += [(name, partial(_check_rule, tag.expression, cls.names())) for name, tag in cls.tags.items()]
        for key, check in checks:
            try:
                check()
            except ConfigError as error:
                found.add(file, f"{cls.__name__}.{key}", str(error))
        return found

    @classmethod
    def names(cls) -> dict[str, str]:
        """What rules may name of the view, with types; the empty type where a feature is faulty."""
        found: dict[str, str] = {}
        for name, feature in cls.features.items():
            with contextlib.suppress(ConfigError, AttributeError):
                found[name] = feature.type or _type(cls, feature)
        found = {name: kind for name, kind in found.items() if TYPE.match(kind)}
        return {**dict.fromkeys(cls.features, ""), **found, **dict.fromkeys(cls.tags, "boolean")}

    @classmethod
    def definition(cls) -> str:
        """Hash of all that is declared."""
        features = {name: (f.expression, cls.window(f), f.where, f.type) for name, f in cls.features.items()}
        tags = {name: tag.expression for name, tag in cls.tags.items()}
        return digest([cls.name, cls.over.name, cls.where, features, tags])


def reach(over: type[Table], tables: Mapping[str, type[Table]]) -> dict[str, str]:
    """Columns that an expression over a table may name, with types: its own, `table.column` of those it refers to."""
    known = {name: column.type for name, column in over.schema().items()} | {"as_of": "date"}
    for column in over.columns.values():
        other = tables.get(column.refers or "")
        if other is not None:
            known |= {f"{other.name}.{name}": c.type for name, c in other.columns.items()}
    return known


def _type(view: type[FeatureView], feature: Feature) -> str:
    known = {name: column.type for name, column in view.over.schema().items()} | {"as_of": "date"}
    parsed = parse(feature.expression)
    kind = family(parsed, known)
    text = feature.expression.lower()
    if kind == "number" and re.match(r"^sum\(\w+\)$", text):
        return known.get(parsed.columns[0], "double").replace("int", "bigint").replace("bigbigint", "bigint")
    if kind == "number":
        return "bigint" if re.match(r"^(count|datediff)\(", text) else "double"
    return {"text": "string", "truth": "boolean", "list": "array<string>"}.get(kind or "", "string")


def _shape(view: type[FeatureView]) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with names, windows, types and words, before any expression is looked at."""
    windows = {name: f.within for name, f in view.features.items() if f.within is not _DEFAULT}
    for key, window in {"within": view.within, **windows}.items():
        if window is not None and (not isinstance(window, int) or window < 1):
            yield key, f"within {window!r} is not allowed: days(N) with N of 1 or more, or None for all time"
    named: dict[str, Feature | Tag] = {**view.features, **view.tags}
    for name, told in named.items():
        if not NAME.match(name) or name in ("customer_id", "as_of"):
            yield name, "is no name for a feature or tag: lower case letters, digits and _, not customer_id or as_of"
        if not told.about.strip():
            yield name, "says what it means"
    for name, feature in view.features.items():
        if feature.type is not None and not TYPE.match(feature.type):
            yield name, f"type {feature.type!r} is not allowed; {TYPE.pattern}"


def _check_feature(feature: Feature, known: Mapping[str, str]) -> None:
    parsed = parse(feature.expression)
    check_columns(parsed, known)
    if not parsed.aggregates:
        raise ExpressionError(f"{feature.expression!r} does not aggregate: a feature is one value per customer")
    if feature.where:
        _check_rule(feature.where, known)


def _check_rule(text: str, known: Mapping[str, str]) -> None:
    parsed = parse(text)
    check_columns(parsed, known)
    check_type(parsed, known, "boolean")
    mismatch = mismatches(parsed, known)
    if mismatch:
        raise ExpressionError(mismatch)
