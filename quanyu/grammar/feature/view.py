"""FeatureView and Feature: measures of an entity as of a day, computed in one pass per view."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any, ClassVar

from quanyu.errors import ConfigError
from quanyu.expressions import parse
from quanyu.expressions.aggregates import AggregateExpression, condition
from quanyu.grammar.declaration import Problems, digest, file_of, snake_case
from quanyu.grammar.entity import Entity
from quanyu.grammar.feature.derived import Derived, FirstAfter
from quanyu.grammar.feature.grouping import Grouping
from quanyu.grammar.feature.shape import shape_problems
from quanyu.grammar.lifecycle import LIFECYCLES
from quanyu.grammar.platforms.categories import Category
from quanyu.grammar.row_expressions import planned, reach
from quanyu.grammar.table import TYPE, Column, Table

_DEFAULT = object()


def days(number: int) -> int:
    """A window of whole days that ends with `as_of` (inclusive)."""
    return number


@dataclass(frozen=True)
class Feature:
    """An aggregate over the view's rows. `within` overrides the view's window; None means all time."""

    expression: str
    """Aggregate over the view's rows, such as `sum(amount)`."""
    about: str
    """What a value means, in a sentence."""
    unit: str = ""
    """Unit of a number."""
    type: str | None = None
    """Spark's type, if it is not the one of the expression."""
    within: Any = _DEFAULT
    """Window, as `days(90)`; None for all time, and the view's if it is left out."""
    where: str | None = None
    """Condition of the rows that count, besides the view's."""
    zh: str = ""
    """Name in Chinese, by which people find it."""
    category: Category | None = None
    """Sensitive category that it is of, besides those of its columns: platforms forbid audiences of some."""

    @property
    def windowed(self) -> bool:
        """Whether it has a window of its own, or none of its view's."""
        return self.within is not _DEFAULT


class FeatureView:
    """Features of an entity, computed from one table.

    Subclasses declare Features, `entity`, `over`, and optionally `within`, `where`, `derived` columns by name, `groups`
    of rows, and `via`, the column of `over` that leads to the entity where several do.
    """

    entity: ClassVar[type[Entity]]
    """What it measures."""
    owner: ClassVar[str]
    """The team that answers for it."""
    over: ClassVar[type[Table]]
    """Table of facts that it is computed from."""
    within: ClassVar[int | None] = None
    """Window of its features, as `days(365)`, which ends with the day; None for all time."""
    where: ClassVar[str | None] = None
    """Condition of the rows that count."""
    via: ClassVar[str | None] = None
    """Column of `over` that leads to the entity, where several do."""
    derived: ClassVar[Mapping[str, Derived]] = {}
    """Columns computed from the ordered rows of an entity, by name; features may name them."""
    groups: ClassVar[Grouping | None] = None
    """Groups of the rows, such as those of a category: features then aggregate groups."""

    lifecycle: ClassVar[Annotated[str, LIFECYCLES]] = "live"
    """`draft` is computed and not yet for use, `retiring` is still used and soon not, `retired` is not computed."""
    category: ClassVar[Category | None] = None
    """Sensitive category that all its features are of: platforms forbid audiences of some."""
    purpose: ClassVar[str | None] = None
    """Purpose of consent without which its values may not be used: they are null for customers who did not give it."""

    name: ClassVar[str]
    """The class's name in small letters: rules name a feature as `view.feature`."""
    features: ClassVar[dict[str, Feature]]
    """Features, each declared as an attribute: `name = Feature(...)`."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.name = snake_case(cls.__name__)
        cls.features = {key: value for key, value in vars(cls).items() if isinstance(value, Feature)}

    @classmethod
    def window(cls, feature: Feature) -> int | None:
        """Window of a feature in days; None for all time."""
        return feature.within if feature.windowed else cls.within

    @classmethod
    def row_columns(cls, tables: Mapping[str, type[Table]]) -> dict[str, Column]:
        """Columns of a row: of the table, of tables it refers to, `as_of`, and derived ones."""
        reached = reach(cls.over, tables)
        return {**reached, **{name: derivation.column(reached) for name, derivation in cls.derived.items()}}

    @classmethod
    def columns(cls, tables: Mapping[str, type[Table]]) -> dict[str, Column]:
        """Columns that features may name: those of a row, or of a group of rows and `as_of`."""
        columns = cls.row_columns(tables)
        if cls.groups is None:
            return columns
        return {**cls.groups.columns(columns, cls.group_plans(tables)), "as_of": columns["as_of"]}

    @classmethod
    def plans(cls, tables: Mapping[str, type[Table]]) -> dict[str, AggregateExpression]:
        """The plan of every feature, in order. Raises ExpressionError for an invalid one."""
        return {name: _planned_feature(cls, name, tables) for name in cls.features}

    @classmethod
    def _plan(cls, feature: Feature, columns: Mapping[str, Column]) -> AggregateExpression:
        wanted = feature.type if feature.type and TYPE.match(feature.type) else None
        # The window of groups is that of their rows.
        window = cls.window(feature) if cls.groups is None else None
        return planned(cls.over, columns, feature.expression, feature.where, window, wanted)

    @classmethod
    def merges(cls, tables: Mapping[str, type[Table]]) -> dict[str, str] | None:
        """SQL aggregates that add the parts of new facts to those of earlier ones; None if all facts are needed."""
        merges = [aggregate.merge() for aggregate in cls.plans(tables).values()]
        if cls.derived or cls.groups or cls.changes_daily(tables) or None in merges:
            return None
        return {part: sql for merge in merges for part, sql in (merge or {}).items()}

    @classmethod
    def windows(cls, tables: Mapping[str, type[Table]]) -> set[int]:
        """Days of all windows of its features."""
        plans = cls.plans(tables) if cls.groups is None else cls.group_plans(tables)
        return {days for aggregate in plans.values() for days in aggregate.windows}

    @classmethod
    def group_plans(cls, tables: Mapping[str, type[Table]]) -> dict[str, AggregateExpression]:
        """The plan of each value of a group of rows; empty without groups."""
        values = cls.groups.values if cls.groups else {}
        return {
            name: _cached(cls, f"groups.{name}", tables, partial(_planned_value, cls, text, tables))
            for name, text in values.items()
        }

    @classmethod
    def changes_daily(cls, tables: Mapping[str, type[Table]]) -> bool:
        """Whether it looks at each fact from `as_of`, besides its windows: then every day gives other parts."""
        after = [derivation.where for derivation in cls.derived.values() if isinstance(derivation, FirstAfter)]
        conditions = [text for text in (cls.where, *after, *(cls.groups.texts() if cls.groups else [])) if text]
        looks = any("as_of" in parse(text).columns for text in conditions)
        return looks or any(aggregate.changes_daily for aggregate in cls.plans(tables).values())

    @classmethod
    def table(cls, tables: Mapping[str, type[Table]]) -> type[Table]:
        """The gold table of the view: a current row per entity that has facts, with the parts of its features."""
        key = cls.entity.key
        body: dict[str, Any] = {
            "__doc__": f"{(cls.__doc__ or '').strip()} Key: {key}.", "__module__": cls.__module__,
            "layer": "gold", "keys": (key,), "owner": cls.owner, key: cls.entity.key_column(),
        }  # fmt: skip
        plans = cls.plans(tables)
        for part, kind in {part: kind for one in plans.values() for part, kind in one.part_types().items()}.items():
            features = [name for name, aggregate in plans.items() if part in aggregate.parts()]
            unit = plans[features[0]].part_unit(part, cls.columns(tables)) or cls.features[features[0]].unit
            about = f"Part of {', '.join(features)}: {plans[features[0]].part_text(part)}."
            body[part] = Column(kind, about, unit=unit)
        return type(cls.__name__, (Table,), body)

    @classmethod
    def step(cls) -> str:
        """Name of the step that computes the view."""
        return f"features.{cls.name}"

    @classmethod
    def problems(cls, tables: Mapping[str, type[Table]]) -> Problems:
        """Check every expression against the view's table and the tables it refers to."""
        problems, file = Problems(), file_of(cls)
        if not (cls.__doc__ or "").strip():
            problems.add(file, cls.__name__, "needs a docstring that says what it measures")
        for attribute in ("entity", "owner", "over"):
            if not hasattr(cls, attribute):
                words = "is missing: say what it measures, such as `entity = Customer`" if attribute == "entity" else ""
                problems.add(file, f"{cls.__name__}.{attribute}", words or "is missing")
        if problems.found:
            return problems
        for key, message in shape_problems(cls):
            problems.add(file, f"{cls.__name__}.{key}", message)
        for key, check in cls._checks(tables):
            try:
                check()
            except ConfigError as error:
                problems.add(file, f"{cls.__name__}.{key}", str(error))
        return problems

    @classmethod
    def _checks(cls, tables: Mapping[str, type[Table]]) -> Iterator[tuple[str, Callable[[], object]]]:
        reached = reach(cls.over, tables)
        sound = {}
        for name, derivation in cls.derived.items():
            yield f"derived.{name}", partial(derivation.column, reached)
            with contextlib.suppress(ConfigError):
                sound[name] = derivation.column(reached)
        whole = len(sound) == len(cls.derived)
        if cls.groups is not None and whole:
            yield "groups", partial(cls.columns, tables)
            whole = _passes(partial(cls.columns, tables))
        for name, feature in cls.features.items() if whole or cls.groups is None else ():
            plan_of = partial(_planned_feature, cls, name, tables)
            yield name, plan_of if whole else partial(cls._plan, feature, {**reached, **sound})
        if cls.where:
            yield "where", partial(condition, cls.where, reached)
        yield "over", partial(cls.entity.path, cls.over, cls.via)

    @classmethod
    def names(cls, tables: Mapping[str, type[Table]]) -> dict[str, Column]:
        """Columns of the view that rules may name, with types and values. The type is empty for an invalid feature.

        So it is for all of a retired view.
        """
        columns = {name: Column("", feature.about) for name, feature in cls.features.items()}
        if getattr(cls, "lifecycle", None) == "retired":
            return columns
        for name, feature in cls.features.items():
            with contextlib.suppress(ConfigError, AttributeError):
                aggregate = _planned_feature(cls, name, tables)
                if feature.type is None or TYPE.match(feature.type):
                    columns[name] = replace(aggregate.column(cls.columns(tables), feature.about), unit=feature.unit)
        return columns

    @classmethod
    def declares(cls, tables: Mapping[str, type[Table]]) -> dict[str, str]:
        """Hash of each feature of the view, by kind and name."""
        shared = [cls.over.name, cls.where, cls._derivations()]
        return {
            f"feature {cls.name}.{name}": digest([shared, aggregate.text, cls.features[name].where, aggregate.value(),
                                                  cls.window(cls.features[name])])
            for name, aggregate in cls.plans(tables).items()
        }  # fmt: skip

    @classmethod
    def definition(cls, tables: Mapping[str, type[Table]]) -> str:
        """Hash of the declaration and of the SQL that it generates."""
        features = {
            name: (aggregate.text, cls.window(cls.features[name]), cls.features[name].where, aggregate.type,
                   aggregate.parts(), aggregate.value())
            for name, aggregate in cls.plans(tables).items()
        }  # fmt: skip
        return digest(
            [cls.name, cls.entity.name, cls.over.name, cls.via, cls.where, features, cls._derivations(), cls.purpose]
        )

    @classmethod
    def _derivations(cls) -> dict[str, str]:
        """Derived columns and groups by name, as text."""
        derived = {name: repr(derivation) for name, derivation in cls.derived.items()}
        return {**derived, "groups": repr(cls.groups)} if cls.groups else derived


def _passes(check: Callable[[], object]) -> bool:
    with contextlib.suppress(ConfigError):
        check()
        return True
    return False


_PLANS: dict[tuple[Any, ...], AggregateExpression] = {}


def _planned_feature(view: type[FeatureView], name: str, tables: Mapping[str, type[Table]]) -> AggregateExpression:
    """The plan of a feature."""
    return _cached(view, name, tables, lambda: view._plan(view.features[name], view.columns(tables)))


def _planned_value(view: type[FeatureView], text: str, tables: Mapping[str, type[Table]]) -> AggregateExpression:
    """The plan of a value of a group of rows."""
    return planned(view.over, view.row_columns(tables), text, None, view.within)


def _cached(
    view: type[FeatureView], name: str, tables: Mapping[str, type[Table]], build: Callable[[], AggregateExpression]
) -> AggregateExpression:
    """A plan of a view, cached, since every load of a conf folder needs it several times."""
    referred = (tables.get(column.references or "") for column in view.over.columns.values())
    key = (view, name, *dict.fromkeys(referred))
    if key not in _PLANS:
        _PLANS[key] = build()
    return _PLANS[key]
