"""Audience: a rule over the profile of an entity, a purpose, a holdout, and the platforms it goes to."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from datetime import date
from typing import ClassVar, Literal

from pydantic import Field

from quanyu.errors import ConfigError, nearest
from quanyu.expressions import ExpressionError, parse
from quanyu.expressions.aggregates import condition
from quanyu.grammar.audience.measure import Measure
from quanyu.grammar.audience.options import Alike, SeedOptions, SizeBand, StaticList
from quanyu.grammar.audience.references import LIST
from quanyu.grammar.bounds import Day
from quanyu.grammar.declaration import NAME, Problems, Share, YamlDeclaration
from quanyu.grammar.entity import Entity
from quanyu.grammar.row_expressions import reach
from quanyu.grammar.table import Column, Table
from quanyu.grammar.tags import NUMBERS
from quanyu.model.people import KINDS

Goal = Literal["new_product", "clearance", "activate", "churn_warning", "repurchase", "upsell", "care"]


class Audience(YamlDeclaration):
    """A two-valued rule over the profile (features, tags, scores, attributes) and own measures."""

    kind: ClassVar[str] = "audience"

    entity: str = Field("customer", description="entity that it is about, such as outlet")
    goal: Goal = Field(description="what it is used for")
    who: str = Field(
        description="rule over `view.feature`, `entity.attribute`, `scene.tag`, `model.score`, the measures and lists "
        "below as `NAME` and `list.NAME`, other audiences as `audience.NAME`, and of customers `consent.PURPOSE` and "
        "`has.KIND` of an identifier"
    )
    purpose: Literal["ads", "messages", "analytics"] = Field(
        description="what its members must have agreed to; analytics for an audience that is not about customers"
    )
    measures: dict[str, Measure] = Field({}, description="aggregates of its own, by name")
    lists: dict[str, StaticList] = Field({}, description="static lists by name, each a file in the conf folder")
    alike: Alike | None = Field(
        None, description="makes it a lookalike: of those in `who`, the ones most like a seed, without its members"
    )
    holdout: Share = Field(0.0, lt=1, description="share of the members who are left alone, as `10 %`")
    salt: str = Field("", description="what the holdout is drawn by; without it, the name of the audience")
    schedule: Literal["daily", "weekly", "monthly"] = Field(
        "daily", description="when it is evaluated: daily, on Mondays, or on the first day of a month"
    )
    size: SizeBand | None = Field(None, description="the size that is expected: outside of it, additions wait")
    send_to: tuple[str, ...] = Field((), description="platforms that it is exported to")
    approval: bool = Field(False, description="whether its exports wait for `quanyu export approve`")
    seed: SeedOptions | None = Field(None, description="what platforms may take with it to expand it")
    ended: Day | None = Field(None, description="from this day on nobody is in, and its exports are empty")

    def is_due(self, day: date) -> bool:
        """Whether its schedule has it evaluated on a day."""
        return {"daily": True, "weekly": day.weekday() == 0, "monthly": day.day == 1}[self.schedule]

    def columns(self, profile_columns: Mapping[str, Column], tables: Mapping[str, type[Table]]) -> dict[str, Column]:
        """Columns that the rule may name: those of the profile, own measures, and own lists."""
        measures = {}
        for name, measure in self.measures.items():
            measures[name] = Column("", "")
            if measure.over in tables:
                with contextlib.suppress(ExpressionError):
                    measures[name] = measure.plan(tables).column(measure.columns(tables))
        lists = {f"{LIST}.{name}": Column("boolean", f"Is on the list {name}.") for name in self.lists}
        return {**profile_columns, **measures, **lists}

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
        for name, static in self.lists.items():
            self._check_list(problems, name, static, entity)
        if not entity.resolved:
            self._check_use(problems, entity)
        if self.seed and self.seed.value:
            self._check_value(problems, self.seed.value, profile_columns)
        for place in self.send_to:
            if place not in set(platforms):
                problems.add(self.file, "send_to", f"unknown platform {place!r}; {nearest(place, platforms)}")
        return problems

    def _check_list(self, problems: Problems, name: str, static: StaticList, entity: type[Entity]) -> None:
        if not NAME.match(name) or "__" in name:
            problems.add(self.file, f"lists.{name}", "is no name: lower case letters, digits and single _")
        kinds = [entity.key, *(KINDS if entity.resolved else ())]
        if static.kind not in kinds:
            problems.add(
                self.file, f"lists.{name}.kind", f"unknown kind {static.kind!r}; {nearest(static.kind, kinds)}"
            )

    def _check_value(self, problems: Problems, value: str, columns: Mapping[str, Column]) -> None:
        if value not in columns:
            problems.add(self.file, "seed.value", f"unknown name {value!r}; {nearest(value, columns)}")
        # An invalid or retired one has no type, and is reported itself.
        elif columns[value].type and not columns[value].type.startswith(NUMBERS):
            words = f"{value!r} is a {columns[value].type}: members are weighted by a number"
            problems.add(self.file, "seed.value", words)

    def _check_use(self, problems: Problems, entity: type[Entity]) -> None:
        """Add what an audience of other things than persons cannot have."""
        members = entity.plural(2)
        for key in ("send_to", "seed", "approval"):
            if getattr(self, key):
                problems.add(self.file, key, f"platforms take persons, and {members} are none: leave it out")
        for key in ("holdout", "salt"):
            if getattr(self, key):
                words = f"leaves persons out of messages and exports, and {members} get neither: leave it out"
                problems.add(self.file, key, words)
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
        if wrong := {each: words for each in measure.after if (words := _not_derived(measure, each, tables))}:
            for each, words in wrong.items():
                problems.add(self.file, f"{key}.after.{each}", words)
            return
        with problems.capture(self.file, f"{key}.where"):
            condition(measure.where or "true", measure.columns(tables))
        with problems.capture(self.file, f"{key}.value"):
            measure.model_copy(update={"where": None}).plan(tables)


def _not_derived(measure: Measure, name: str, tables: Mapping[str, type[Table]]) -> str:
    """Why a column of a later fact cannot be derived; empty if it can."""
    reached = reach(tables[measure.over], tables)
    if not NAME.match(name) or name in reached:
        return "is no name for a column of a later fact: lower case letters, digits and _, not in use yet"
    try:
        measure.after[name].derived().column(reached)
    except ExpressionError as error:
        return str(error)
    return ""


def _leads(table: type[Table], entity: type[Entity]) -> bool:
    """Whether facts of a table lead to an entity, by at least one column."""
    if entity.resolved:
        return table.personal
    return any(column.references == entity.table.name for column in table.columns.values())
