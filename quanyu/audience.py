"""Audience: a rule over what is known of customers, a purpose, a holdout, and where it goes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from quanyu.declare import Problems, YamlDeclaration, days_in
from quanyu.errors import nearest
from quanyu.expressions import ExpressionError, check_columns, check_type, mismatches, parse
from quanyu.feature import reach
from quanyu.source import Part
from quanyu.table import Table

PURPOSES = ("ads", "messages", "analytics")
Goal = Literal["new_product", "clearance", "activate", "churn_warning", "repurchase", "upsell", "care"]


class Measure(Part):
    """An aggregate of an audience's own over one table, within so many days before `as_of`."""

    over: str
    value: str
    where: str | None = None
    within: int | None = None

    @field_validator("within", mode="before")
    @classmethod
    def _days(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        found = days_in(value)
        if found is None:
            raise ValueError("a window is written as `30 days`")
        return found


class Audience(YamlDeclaration):
    """Who is in: two-valued, over `view.feature`, `view.tag`, `model.score` and the audience's own measures."""

    kind: ClassVar[str] = "audience"

    goal: Goal
    who: str
    purpose: Literal["ads", "messages", "analytics"]
    measures: dict[str, Measure] = {}
    holdout: float = Field(0.0, ge=0, lt=1)
    send_to: tuple[str, ...] = ()

    @field_validator("holdout", mode="before")
    @classmethod
    def _percent(cls, value: Any) -> Any:
        found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*%", value) if isinstance(value, str) else None
        if isinstance(value, str) and not found:
            raise ValueError("a holdout is written as `10 %`")
        return float(found.group(1)) / 100 if found else value

    def problems(
        self, known: Mapping[str, str], tables: Mapping[str, type[Table]], platforms: Iterable[str]
    ) -> Problems:
        """Check the rule and the measures; `known` maps `view.feature` and `model.score` to types."""
        found = Problems()
        measured = {name: _measure_type(measure) for name, measure in self.measures.items()}
        try:
            rule = parse(self.who)
            check_columns(rule, [*known, *measured])
            check_type(rule, {**known, **measured}, "boolean")
            mismatch = mismatches(rule, {**known, **measured})
            if mismatch:
                found.add(self.file, "who", mismatch)
            if rule.aggregates:
                found.add(self.file, "who", f"{self.who!r} aggregates: say it as a measure")
        except ExpressionError as error:
            found.add(self.file, "who", str(error))
        for name, measure in self.measures.items():
            self._check_measure(found, name, measure, tables)
        for place in self.send_to:
            if place not in set(platforms):
                found.add(self.file, "send_to", f"unknown platform {place!r}; {nearest(place, platforms)}")
        return found

    def _check_measure(self, found: Problems, name: str, measure: Measure, tables: Mapping[str, type[Table]]) -> None:
        key = f"measures.{name}"
        table = tables.get(measure.over)
        if table is None or not table.personal or not table.happens:
            allowed = [t.name for t in tables.values() if t.personal and t.happens]
            found.add(self.file, f"{key}.over", f"unknown table {measure.over!r}; {nearest(measure.over, allowed)}")
            return
        reachable = reach(table, tables)
        for part, text in (("value", measure.value), ("where", measure.where)):
            if text is None:
                continue
            try:
                parsed = parse(text)
                check_columns(parsed, reachable)
                if part == "where":
                    check_type(parsed, reachable, "boolean")
                    if mismatch := mismatches(parsed, reachable):
                        found.add(self.file, f"{key}.where", mismatch)
                elif not parsed.aggregates:
                    found.add(self.file, f"{key}.value", f"{text!r} does not aggregate")
            except ExpressionError as error:
                found.add(self.file, f"{key}.{part}", str(error))


def _measure_type(measure: Measure) -> str:
    return "bigint" if measure.value.lower().startswith("count") else "double"
