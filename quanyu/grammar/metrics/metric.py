"""Metrics: numbers of the business by day and dimension, one file for each subject."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field, model_validator

from quanyu.grammar.bounds import Bounded, Sentence, StrictModel
from quanyu.grammar.declaration import YamlDeclaration, digest, written_days

Group = Literal["match", "penetration", "value", "social_value", "operations"]
# Units whose values are shown as percentages.
SHARE = "share"
_TERM = re.compile(r"\s*([+-]?)\s*([a-z][a-z0-9_]*\.[a-z][a-z0-9_]*)\s*")


class MetricGoal(StrictModel):
    """What is wanted of a metric: that it rises or falls, and to which value."""

    direction: Literal["up", "down"] = Field(description="whether higher or lower values are better")
    target: float | None = Field(None, description="value that is to be reached")


class ValidTime(Bounded):
    """Columns with the first and the last moment at which a row is valid."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    since: str = Field(description="column with the time from which a row is valid")
    until: str = Field(description="column with the time at which it ends; null while it is valid")


class Metric(StrictModel):
    """One metric: either an aggregate `value` over a table, or a `ratio` of sums of other metrics.

    By default the rows of the day count, by the event time of the table. `within` widens the window to more days that
    end with the day. With `valid`, rows count that are valid at the end of the day.
    """

    means: Sentence = Field(description="say in a sentence what the metric means")
    zh: str = Field("", description="its Chinese name")
    unit: str = Field(description="unit of the value; `share` is shown in per cent")
    standard: str = Field("", description="where the definition comes from")
    over: str | None = Field(None, description="table that it is computed from, or profile_ENTITY")
    value: str | None = Field(None, description="sum(x), count(*), count_if(condition) or count(distinct x)")
    where: str | None = Field(None, description="condition of the rows that count")
    within: Annotated[int, written_days("a window", "30 days")] = Field(1, description="window that ends with the day")
    at: str | None = Field(None, description="column with the time of a row, if not the event time of the table")
    valid: ValidTime | Literal["recorded"] | None = Field(
        None, description="`recorded`: the versions at the end of the day; or the columns with the valid time of a row"
    )
    first: bool = Field(False, description="whether each distinct value counts on its first day only")
    only_with: dict[str, str] = Field(
        {},
        description="dimensions, each with a metric of the day: rows count for members of which that metric has rows",
    )
    dimensions: dict[str, str] = Field({}, description="what it is broken down by: names with a column or expression")
    ratio: tuple[str, str] | None = Field(
        None, description="numerator and denominator: metrics, or sums and differences of them, as `a.x - b.y`"
    )
    goal: MetricGoal | None = Field(None, description="what is wanted of it")
    parent: str | None = Field(None, description="its place in the tree: a node of metric_tree.yml, or a metric")

    @model_validator(mode="after")
    def _one_kind(self) -> Metric:
        if (self.value is None) == (self.ratio is None):
            raise ValueError("exactly one of `value` and `ratio` is wanted")
        if self.ratio is not None:
            surplus = {
                "over",
                "where",
                "within",
                "at",
                "valid",
                "first",
                "only_with",
                "dimensions",
            } & self.model_fields_set
            if surplus:
                raise ValueError(f"a ratio has no {', '.join(sorted(surplus))}: its parts say that")
            for part in self.ratio:
                terms(part)
        elif self.over is None:
            raise ValueError("`over` is missing: the table that it is computed from")
        if self.valid is not None and (self.at or self.first or "within" in self.model_fields_set):
            raise ValueError("`valid` asks what is valid at the end of the day: leave out within, at and first")
        if self.first and "within" in self.model_fields_set:
            raise ValueError("`first` counts on one day: leave out within")
        if self.only_with and not self.of_one_day:
            raise ValueError("`only_with` asks what was there on the day of a row: leave out within, valid and first")
        return self

    @property
    def of_one_day(self) -> bool:
        """Whether the rows of the day count, and no others."""
        return self.ratio is None and self.within == 1 and self.valid is None and not self.first

    def parts(self) -> list[str]:
        """Names of the metrics that a ratio is made of; none for other metrics."""
        return [name for part in self.ratio or () for _, name in terms(part)]


def terms(part: str) -> list[tuple[int, str]]:
    """The signed metrics in a part of a ratio, such as `sales.revenue - sales.cost`. Raises ValueError."""
    matches = list(_TERM.finditer(part))
    plain = "".join(match.group(0) for match in matches) == part and all(match.group(1) for match in matches[1:])
    if not matches or not plain:
        raise ValueError(f"{part!r} is no metric: write `subject.metric`, or several with + and - between them")
    return [(-1 if match.group(1) == "-" else 1, match.group(2)) for match in matches]


class MetricFile(YamlDeclaration):
    """Metrics of one subject: the file's name is the subject, and a metric is named as `subject.metric`."""

    kind: ClassVar[str] = "metrics"

    group: Group = Field(description="what its metrics tell of")
    metrics: dict[str, Metric] = Field(description="metrics of the subject, by name")

    def named(self) -> Iterator[tuple[str, Metric]]:
        """Each metric with its full name."""
        return ((f"{self.name}.{name}", metric) for name, metric in self.metrics.items())

    def declares(self) -> dict[str, str]:
        """Hash of each metric, by kind and name."""
        return {f"metric {name}": digest(metric.model_dump(mode="json")) for name, metric in self.named()}


class TreeNode(StrictModel):
    """A business goal, or what drives the node above it."""

    means: Sentence = Field(description="say in a sentence what it is")
    zh: str = Field("", description="its Chinese name")
    parent: str | None = Field(None, description="node above it; a business goal has none")


class MetricTree(YamlDeclaration):
    """The tree from business goals by what drives them to the metrics, each of which names its parent."""

    kind: ClassVar[str] = "metric_tree"

    nodes: dict[str, TreeNode] = Field(description="goals and drivers, by name")
