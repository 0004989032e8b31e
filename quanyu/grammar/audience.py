"""Audience: a rule over the profile of an entity, a purpose, a holdout, and the platforms it goes to."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from quanyu.errors import ConfigError, nearest
from quanyu.expressions import ExpressionError, parse
from quanyu.expressions.aggregates import AggregateExpression, condition
from quanyu.grammar.bounds import MOST, Day, StrictModel
from quanyu.grammar.declaration import Problems, Share, ShareText, YamlDeclaration, written_days
from quanyu.grammar.entity import Entity
from quanyu.grammar.row_expressions import planned, reach
from quanyu.grammar.table import Column, Table

PURPOSES = ("ads", "messages", "analytics")
Goal = Literal["new_product", "clearance", "activate", "churn_warning", "repurchase", "upsell", "care"]


Within = Annotated[int | None, written_days("a window", "30 days")]


class Measure(StrictModel):
    """An audience's own aggregate over one table, within a number of days before `as_of`."""

    over: str = Field(description="table of facts about the entity, such as orders")
    via: str | None = Field(None, description="column of the table that names the entity, where several do")
    value: str = Field(description="aggregate over its rows, such as `sum(amount)`")
    where: str | None = Field(None, description="condition of the rows that count")
    within: Within = Field(None, description="window that ends with the day; without it, all time")

    def plan(self, tables: Mapping[str, type[Table]]) -> AggregateExpression:
        """Plan of the computation. Raises ExpressionError if the measure is invalid."""
        table = tables[self.over]
        return planned(table, reach(table, tables), self.value, self.where, self.within)


def _size(value: Any) -> Any:
    share = re.fullmatch(r"(\d+(?:\.\d+)?)\s*%", value) if isinstance(value, str) else None
    if share and 0 < float(share[1]) <= 100:
        return float(share[1]) / 100
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    raise ValueError("a size is written as `5 %` of those who may be found, or as a number of them, such as `500`")


# A share as a float, a number as an int.
Size = Annotated[float | int, BeforeValidator(_size, json_schema_input_type=int | ShareText)]


class Alike(StrictModel):
    """How an audience is expanded from a seed: those who are most like the members of another audience."""

    seeds: tuple[str, ...] = Field(
        min_length=1, description="audiences; the one whose expansion surely finds most of its hidden half is expanded"
    )
    size: Size = Field(description="how many are found: `5 %` of those who may be found, or a number")
    features: tuple[str, ...] = Field(min_length=1, description="numbers of the profile by which customers are alike")
    by: Literal["propensity", "neighbours"] = Field(
        "propensity", description="boosted trees that tell members from others, or the cosine with the nearest members"
    )
    weigh_by: str | None = Field(None, description="number of the profile that likeness is multiplied by: a worth")
    least: int = Field(100, ge=4, le=MOST, description="members without whom a seed is not tried")

    def names(self) -> tuple[str, ...]:
        """Names of the profile that the expansion reads, each once."""
        return tuple(dict.fromkeys([*self.features, *filter(None, [self.weigh_by])]))

    def number(self, customers: int) -> int:
        """How many are found among so many who may be found, at least one of any."""
        if isinstance(self.size, int):
            return min(self.size, customers)
        return min(max(round(self.size * customers), 1), customers)


class Audience(YamlDeclaration):
    """A two-valued rule over the profile (features, tags, scores, attributes) and own measures."""

    kind: ClassVar[str] = "audience"

    entity: str = Field("customer", description="entity that it is about, such as outlet")
    goal: Goal = Field(description="what it is used for")
    who: str = Field(
        description="rule over `view.feature`, `entity.attribute`, `scene.tag`, `model.score` and the measures below"
    )
    purpose: Literal["ads", "messages", "analytics"] = Field(
        description="what its members must have agreed to; analytics for an audience that is not about customers"
    )
    measures: dict[str, Measure] = Field({}, description="aggregates of its own, by name")
    alike: Alike | None = Field(
        None, description="makes it a lookalike: of those in `who`, the ones most like a seed, without its members"
    )
    holdout: Share = Field(0.0, lt=1, description="share of the members who are left alone, as `10 %`")
    send_to: tuple[str, ...] = Field((), description="platforms that it is exported to")
    ended: Day | None = Field(None, description="from this day on nobody is in, and its exports are empty")

    def columns(self, profile_columns: Mapping[str, Column], tables: Mapping[str, type[Table]]) -> dict[str, Column]:
        """Columns that the rule may name: those of the profile, and the audience's own measures."""
        measures = {}
        for name, measure in self.measures.items():
            measures[name] = Column("", "")
            if measure.over in tables:
                with contextlib.suppress(ExpressionError):
                    measures[name] = measure.plan(tables).column(reach(tables[measure.over], tables))
        return {**profile_columns, **measures}

    def problems(
        self,
        entity: type[Entity],
        profile_columns: Mapping[str, Column],
        tables: Mapping[str, type[Table]],
        platforms: Iterable[str],
    ) -> Problems:
        """Check the rule, the measures and the use; `profile_columns` maps what rules about the entity may name."""
        problems = Problems()
        with problems.capture(self.file, "who"):
            if parse(self.who).aggregates:
                raise ExpressionError(f"{self.who!r} aggregates: say it as a measure")
            condition(self.who, self.columns(profile_columns, tables))
        for name, measure in self.measures.items():
            self._check_measure(problems, name, measure, entity, tables)
        if not entity.resolved:
            self._check_use(problems, entity)
        for place in self.send_to:
            if place not in set(platforms):
                problems.add(self.file, "send_to", f"unknown platform {place!r}; {nearest(place, platforms)}")
        return problems

    def _check_use(self, problems: Problems, entity: type[Entity]) -> None:
        """Add what an audience of other things than persons cannot have."""
        members = entity.plural(2)
        if self.send_to:
            problems.add(self.file, "send_to", f"platforms take persons, and {members} are none: leave it out")
        if self.holdout:
            words = f"leaves persons out of messages and exports, and {members} get neither: leave it out"
            problems.add(self.file, "holdout", words)
        if self.purpose != "analytics":
            words = f"persons consent to {self.purpose}, and {members} are none: write `purpose: analytics`"
            problems.add(self.file, "purpose", words)

    def _check_measure(
        self, problems: Problems, name: str, measure: Measure, entity: type[Entity], tables: Mapping[str, type[Table]]
    ) -> None:
        key = f"measures.{name}"
        table = tables.get(measure.over)
        allowed = [other.name for other in tables.values() if other.event_time and _leads(other, entity)]
        if table is None or table.name not in allowed:
            problems.add(self.file, f"{key}.over", f"unknown table {measure.over!r}; {nearest(measure.over, allowed)}")
            return
        try:
            entity.path(table, measure.via)
        except ConfigError as error:
            problems.add(self.file, f"{key}.via", str(error))
        with problems.capture(self.file, f"{key}.where"):
            condition(measure.where or "true", reach(table, tables))
        with problems.capture(self.file, f"{key}.value"):
            measure.model_copy(update={"where": None}).plan(tables)


def _leads(table: type[Table], entity: type[Entity]) -> bool:
    """Whether facts of a table lead to an entity, by at least one column."""
    if entity.resolved:
        return table.personal
    return any(column.references == entity.table.name for column in table.columns.values())
