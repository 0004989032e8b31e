"""The declaration of a model: population, label, task, features, baseline and gates."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from typing import Any, ClassVar, Literal

from quanyu.errors import Problem, nearest
from quanyu.expressions.aggregates import AggregateExpression
from quanyu.grammar.bounds import days_error
from quanyu.grammar.declaration import NAME, digest, file_of
from quanyu.grammar.entity import Entity
from quanyu.grammar.offers.assignments import CampaignAssignments
from quanyu.grammar.row_expressions import planned, reach
from quanyu.grammar.table import Column, Table
from quanyu.grammar.task import Task

FEATURE = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")
MOST_CUTOFFS = 1000
MOST_COMBINATIONS = 30


@dataclass(frozen=True)
class Label:
    """A number over the rows of a table in the days after the cutoff, up to and including the horizon."""

    over: str
    """Table with these rows."""
    horizon_days: int
    """Days after the cutoff in which they count."""
    where: str = ""
    """Condition of the rows that count."""
    value: str = "count(*)"
    """Aggregate of these rows, such as `sum(amount)`."""

    def window(self, cutoff: date) -> tuple[date, date]:
        """Return the first and last day of the label (both inclusive). The cutoff's own day belongs to the features."""
        return cutoff + timedelta(days=1), cutoff + timedelta(days=self.horizon_days)

    def plan(self, tables: Mapping[str, type[Table]]) -> AggregateExpression:
        """Plan of the aggregate within the horizon that ends with `as_of`. Raises ExpressionError."""
        table = tables[self.over]
        return planned(table, reach(table, tables), self.value, self.where or None, self.horizon_days)

    def sql(self, plan: AggregateExpression) -> str:
        """SQL of the label from the columns of its plan."""
        return f"cast({plan.value()} as double)"


@dataclass(frozen=True)
class NoneOf(Label):
    """1 for entities without such a row, else 0."""

    value: str = field(default="count(*)", init=False)
    """Always the number of these rows."""

    def sql(self, plan: AggregateExpression) -> str:
        """1 where the plan counts no row."""
        return f"if({plan.value()} = 0, 1, 0)"


@dataclass(frozen=True)
class AnyOf(Label):
    """1 for entities with such a row, else 0."""

    value: str = field(default="count(*)", init=False)
    """Always the number of these rows."""

    def sql(self, plan: AggregateExpression) -> str:
        """1 where the plan counts a row."""
        return f"if({plan.value()} > 0, 1, 0)"


@dataclass(frozen=True)
class Cutoffs:
    """Cutoff days: features are computed before them, labels after. Spacing and minimum history are in days."""

    every_days: int = 30
    """Days between two cutoffs."""
    at_most: int = 6
    """Number of cutoffs to learn from."""
    history_days: int = 60
    """Days of data that a cutoff must have before it."""


@dataclass(frozen=True)
class Estimator:
    """The learner. The score may only rise with features in `rising`, and only fall with those in `falling`."""

    kind: str = "xgboost"
    """Library of the learner: one of those that the task can use."""
    params: Mapping[str, Any] = field(default_factory=dict)
    """Its parameters."""
    rising: tuple[str, ...] = ()
    """Features with which the score may only rise."""
    falling: tuple[str, ...] = ()
    """Features with which the score may only fall."""
    search: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    """Values of parameters to choose among, by training cutoffs alone; all combinations are tried."""


@dataclass(frozen=True)
class Baseline:
    """A single feature that the model must beat, and whether a higher value foretells a higher or a lower label."""

    feature: str
    """Feature, as `view.feature`."""
    higher_is: Literal["more", "less"]
    """Whether a higher value foretells a higher or a lower label."""


@dataclass(frozen=True)
class MetricGate:
    """A bound of a metric on the test period that a model must meet to become champion."""

    metric: str
    """Figure of the test period: one of the task's metrics, or of those of every task, such as `test_rows`."""
    at_least: float | None = None
    """Smallest value that passes."""
    at_most: float | None = None
    """Largest value that passes."""

    def passes(self, value: float | None) -> bool:
        """Whether the figure is within the bounds; False if it is None."""
        if value is None or math.isnan(value):
            return False
        low_enough = self.at_most is None or value <= self.at_most
        return low_enough and (self.at_least is None or value >= self.at_least)

    def is_possible(self) -> bool:
        """Whether both bounds are numbers, and at least one number is between them."""
        bounds = [bound for bound in (self.at_least, self.at_most) if bound is not None]
        return all(map(math.isfinite, bounds)) and bounds == sorted(bounds)

    def __str__(self) -> str:
        bounds = ((">=", self.at_least), ("<=", self.at_most))
        return " and ".join(f"{self.metric} {sign} {bound:g}" for sign, bound in bounds if bound is not None)


class ModelSpec:
    """Declaration of a model. Subclasses set the attributes below; their docstring says what the model predicts."""

    name: ClassVar[str]
    """The class's name in small letters: rules name its scores as `model.column`, such as `churn.score`."""
    entity: ClassVar[type[Entity]]
    """Required: what is scored."""
    owner: ClassVar[str] = ""
    """Required: the team that answers for it."""
    zh: ClassVar[str] = ""
    """What it predicts, in Chinese, for the Chinese card; the docstring without it."""
    population: ClassVar[str] = ""
    """Required: rule of who is scored and learned from."""
    label: ClassVar[Label]
    """Required: what is predicted, such as `NoneOf("orders", horizon_days=90)`."""
    task: ClassVar[Task]
    """Required: how it is learned and evaluated, such as `BinaryClassification()`."""
    features: ClassVar[tuple[str, ...]] = ()
    """Required: features that it learns from, as `view.feature`."""
    cutoffs: ClassVar[Cutoffs] = Cutoffs()
    """Days between the data that it learns from and what it predicts."""
    experiment: ClassVar[CampaignAssignments | None] = None
    """Campaigns whose assignments it learns from, each as of the day before it, in place of the grid of cutoffs."""
    estimator: ClassVar[Estimator] = Estimator()
    """The learner."""
    baseline: ClassVar[Baseline | None] = None
    """A plain rule that it must beat; a task may need none."""
    gates: ClassVar[tuple[MetricGate, ...]] = ()
    """Required: figures without which a trained version does not become champion."""
    segments: ClassVar[tuple[str, ...]] = ()
    """Tags or attributes, as `scene.tag`: figures are also made of the customers of each of their values."""
    trained_every_days: ClassVar[int] = 7
    """Days after which it is trained anew."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "name" not in cls.__dict__:
            cls.name = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()

    @classmethod
    def test_cutoff(cls, day: date) -> date:
        """Return the latest cutoff whose label is complete on the day."""
        return day - timedelta(days=cls.label.horizon_days)

    @classmethod
    def training_cutoffs(cls, day: date, first_day: date | None = None) -> list[date]:
        """Return the training cutoffs, newest first. Their labels are complete at the test cutoff.

        `first_day` is the first day of the data. Cutoffs with less than the minimum history are left out.
        """
        newest = cls.test_cutoff(day) - timedelta(days=cls.label.horizon_days)
        every = [newest - timedelta(days=cls.cutoffs.every_days * n) for n in range(cls.cutoffs.at_most)]
        if first_day is None:
            return every
        return [cutoff for cutoff in every if cutoff - first_day >= timedelta(days=cls.cutoffs.history_days)]

    @classmethod
    def due(cls, day: date, last_trained_on: date | None) -> bool:
        """Whether the model is due for training: never trained, or at least `trained_every_days` ago."""
        return last_trained_on is None or day - last_trained_on >= timedelta(days=cls.trained_every_days)

    @classmethod
    def with_estimator(cls, estimator: Estimator) -> type[ModelSpec]:
        """The same model with another learner, for a search or a check."""
        own = {"__doc__": cls.__doc__, "__module__": cls.__module__, "name": cls.name, "estimator": estimator}
        return type(cls.__name__, (cls,), own)

    @classmethod
    def score_columns(cls) -> Mapping[str, Column]:
        """Columns of its scores; none if the task is missing."""
        task = getattr(cls, "task", None)
        return task.score_columns() if isinstance(task, Task) else {}

    @classmethod
    def digest(cls) -> str:
        """Hash of the declaration, for receipts."""
        parts: list[Any] = [cls.label, cls.task, cls.cutoffs, cls.estimator, cls.baseline, cls.experiment]
        plain = [[type(part).__name__, asdict(part)] for part in (*parts, *cls.gates) if part]
        says = list(cls.task.columns)
        return digest([cls.name, cls.population, list(cls.features), list(cls.segments), plain, says])

    @classmethod
    def problems(cls) -> list[Problem]:
        """Return every mistake in the declaration. `quanyu.discover` checks whether its features and tables exist."""
        missing = [name for name in ("entity", "label", "task") if not hasattr(cls, name)]
        mistakes = [(name, "is missing") for name in missing] + _texts(cls) + _features(cls) + _gates(cls)
        if not missing:
            mistakes += _numbers(cls) + _of_task(cls)
        return [Problem(file_of(cls), f"{cls.name}.{key}", message) for key, message in mistakes]


Mistakes = list[tuple[str, str]]


def _texts(spec: type[ModelSpec]) -> Mistakes:
    mistakes: Mistakes = []
    if not NAME.match(spec.name):
        mistakes.append(("name", f"{spec.name!r} is no name: lower case letters, digits and _"))
    if not (spec.__doc__ or "").strip() or spec.__doc__ == ModelSpec.__doc__:
        mistakes.append(("docstring", "is missing: say what the model foretells"))
    return mistakes + [(key, "is missing") for key in ("owner", "population", "gates") if not getattr(spec, key)]


def _features(spec: type[ModelSpec]) -> Mistakes:
    mistakes: Mistakes = [] if spec.features else [("features", "is missing: name at least one")]
    for feature in spec.features:
        if not FEATURE.fullmatch(feature):
            mistakes.append(("features", f"{feature!r} is no feature; write view.feature, such as value.orders"))
    doubles = sorted({feature for feature in spec.features if spec.features.count(feature) > 1})
    mistakes += [("features", f"{feature!r} is given twice") for feature in doubles]
    for segment in spec.segments:
        if not FEATURE.fullmatch(segment):
            mistakes.append(("segments", f"{segment!r} is no name; write scene.tag, such as rfm.monetary"))
    rising, falling = spec.estimator.rising, spec.estimator.falling
    for feature in (*rising, *falling):
        if feature not in spec.features:
            mistakes.append(("estimator", f"{feature!r} is none of the features; {nearest(feature, spec.features)}"))
    return mistakes + [
        ("estimator", f"{feature!r} cannot both rise and fall") for feature in set(rising) & set(falling)
    ]


def _numbers(spec: type[ModelSpec]) -> Mistakes:
    days = {
        "label.horizon_days": spec.label.horizon_days,
        "cutoffs.every_days": spec.cutoffs.every_days,
        "trained_every_days": spec.trained_every_days,
    }
    mistakes = [(key, f"{value!r}: {words}") for key, value in days.items() if (words := days_error(value))]
    if words := days_error(spec.cutoffs.history_days, least=0):
        mistakes.append(("cutoffs.history_days", f"{spec.cutoffs.history_days!r}: {words}"))
    if isinstance(spec.cutoffs.at_most, bool) or not 1 <= spec.cutoffs.at_most <= MOST_CUTOFFS:
        mistakes.append(("cutoffs.at_most", f"{spec.cutoffs.at_most!r}: between 1 and {MOST_CUTOFFS} are allowed"))
    for name, values in spec.estimator.search.items():
        if isinstance(values, str) or not isinstance(values, Sequence) or not values:
            mistakes.append(("estimator.search", f"{name!r}: give a list of values to choose among"))
    combinations = math.prod(len(values) for values in spec.estimator.search.values())
    if combinations > MOST_COMBINATIONS:
        mistakes.append(("estimator.search", f"{combinations} combinations; at most {MOST_COMBINATIONS} are tried"))
    if not spec.label.over:
        mistakes.append(("label.over", "is missing: name a table"))
    if spec.baseline and not FEATURE.fullmatch(spec.baseline.feature):
        mistakes.append(("baseline.feature", f"{spec.baseline.feature!r} is no feature; write view.feature"))
    return mistakes


def _of_task(spec: type[ModelSpec]) -> Mistakes:
    if not isinstance(spec.task, Task):
        return [("task", f"{spec.task!r} is no task; write one with brackets, such as BinaryClassification()")]
    return spec.task.problems(spec)


def _gates(spec: type[ModelSpec]) -> Mistakes:
    open_gates = [gate.metric for gate in spec.gates if gate.at_least is None and gate.at_most is None]
    mistakes = [("gates", f"{metric!r} has no bound: give at_least or at_most") for metric in open_gates]
    return mistakes + [("gates", f"{gate}: no figure is so") for gate in spec.gates if not gate.is_possible()]
