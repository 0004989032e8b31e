"""A case of a specification: its target, input tables, day, and expectation."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pytest

from quanyu.grammar.audience import Audience
from quanyu.grammar.entity import Entity
from quanyu.grammar.feature import FeatureView
from quanyu.grammar.model_spec import ModelSpec
from quanyu.grammar.table import Table
from quanyu.grammar.tags import TagFile
from quanyu.model.entities import Customer
from quanyu.model.identity import Identities
from quanyu.model.people import Identifiers
from specification import ascii_table
from specification.ascii_table import Row


@dataclass(frozen=True)
class Scene:
    """The declared tags of a scene, as a target. Each case is computed alone, since bands depend on everybody."""

    name: str
    entity: type[Entity] = Customer


Target = type[FeatureView] | type[ModelSpec] | type[Table] | Audience | Scene | str
_numbers = itertools.count(1)


@dataclass(frozen=True, eq=False)
class Case:
    """One case; `target` is a view, a model, a gold table that a job computes, or an audience (by name, if declared).

    `expect` is as `spec` says. Cases of a file share their tables; the prefix of their keys separates them.
    """

    target: Target
    as_of: date
    given: Mapping[type[Table], str]
    expect: Any
    zone: str
    strangers: frozenset[str]
    survivorship: Mapping[str, tuple[str, ...]]
    wrong_on_sail: str
    tags: tuple[str | TagFile, ...] = ()
    number: int = field(default_factory=lambda: next(_numbers))

    @property
    def prefix(self) -> str:
        """The prefix of every key of the case."""
        return f"case{self.number}:"

    def rows(self, table: type[Table]) -> list[Row]:
        """Rows of a table, as text, with a default for each column that is not named."""
        text = self.given.get(table)
        return ascii_table.facts(table, text, self.prefix, self.zone) if text else []

    def names(self) -> list[str]:
        """Customers that the case names, in its tables or in what it expects."""
        expected = self.expect if isinstance(self.expect, Mapping | set | frozenset) else ()
        return list(dict.fromkeys([*ascii_table.customers(dict(self.given)), *expected]))

    def measures(self) -> set[str]:
        """Names of the audience's measures for which the case expects values."""
        rows = self.expect.values() if isinstance(self.expect, Mapping) else ()
        return {name for row in rows for name in row or ()} - {"inside", "holdout"}

    def persons(self) -> list[Row]:
        """Identities: one per record of each named customer, or one where it has no record; strangers have none."""
        if Identities in self.given:
            return self.rows(Identities)
        pairs = {
            (row["source"], row["person_key"]): cells.get("customer")
            for table, text in self.given.items()
            if table.personal
            for row, cells in zip(self.rows(table), ascii_table.cells(text), strict=True)
        }
        pairs = {pair: name for pair, name in pairs.items() if pair[1] and name and name not in self.strangers}
        alone = set(self.names()) - set(pairs.values()) - self.strangers
        pairs |= {("spec", f"{self.prefix}{name}"): name for name in sorted(alone)}
        return [
            {"source": source, "person_key": key, "customer_id": f"{self.prefix}{name}"}
            for (source, key), name in pairs.items()
        ]

    def identifiers(self) -> list[Row]:
        """Identifiers: those of the case, or else one per record, valid from the start."""
        if Identifiers in self.given:
            return self.rows(Identifiers)
        lines = "\n".join(sorted({f"{row['source']} | {row['person_key']}" for row in self.persons()}))
        rows = ascii_table.facts(Identifiers, f"source | person_key\n{lines}", "", self.zone)
        return [{**row, "value": row["person_key"], "scope": ""} for row in rows]


def spec(
    target: Target,
    *,
    as_of: str,
    given: Mapping[type[Table], str],
    expect: Any,
    tags: str | TagFile | Sequence[str] = (),
    zone: str = "Asia/Shanghai",
    strangers: Iterable[str] = (),
    survivorship: Mapping[str, Sequence[str]] | None = None,
    wrong_on_sail: str = "",
) -> Callable[..., None]:
    """Return a test of one case. The form of `expect` depends on the target:

    - a view, a scene of tags, `customers`: values by customer, `{"ann": dict(orders=1)}`; None for one without a row;
    - a model: the label by customer, `{"ann": 1}`; None for one who is not in the population;
    - an audience: the set of its members, or values by customer of `inside` and of its measures;
    - another table of a job: its rows, as a table of the columns to compare, in any order.

    Every record of a customer that the tables name has an identity and an identifier, valid from the start, unless the
    case contains a table of them: then these are all.

    Values are numbers, texts, booleans, lists, None; days and moments are texts. `strangers` are persons without an
    identity, `survivorship` the order of sources by customer column. With `tags`, scenes by name or one of the
    test's own, a case of a view may expect their tags that are made of the view alone. `wrong_on_sail` says what
    is wrong on that engine: the case must fail there, and pass on Apache Spark.
    """
    case = Case(
        target, date.fromisoformat(as_of), given, expect, zone, frozenset(strangers),
        {column: tuple(order) for column, order in (survivorship or {}).items()},
        wrong_on_sail,
        (tags,) if isinstance(tags, str | TagFile) else tuple(tags),
    )  # fmt: skip

    def check(request: pytest.FixtureRequest, specified: Any) -> None:
        __tracebackhide__ = True
        if case.wrong_on_sail and request.config.getoption("--engine") == "sail":
            request.applymarker(pytest.mark.xfail(strict=True, reason=case.wrong_on_sail))
        problems = specified.problems(request.module, case)
        if problems:
            pytest.fail("\n".join(problems), pytrace=False)

    check.case = case  # type: ignore[attr-defined]
    return check


def scene(name: str, entity: str = "customer", **tags: str | Mapping[str, Any]) -> TagFile:
    """Tags for a test: conditions, or mappings as in a tag file."""
    body = {key: {"means": "A tag.", **({"when": tag} if isinstance(tag, str) else tag)} for key, tag in tags.items()}
    head = {"name": name, "file": f"{name}.yml", "describes": "A scene.", "owner": "me", "entity": entity}
    return TagFile.model_validate({**head, "tags": body})


def rule(who: str, entity: str = "customer", **measures: Mapping[str, Any]) -> Audience:
    """An audience for a test, with its own measures: `rule("n >= 1", n=dict(over="orders", value="count(*)"))`."""
    body = {"name": "rule", "file": "rule.yml", "describes": "A rule.", "owner": "me", "entity": entity, "goal": "care"}
    return Audience.model_validate({**body, "who": who, "measures": measures, "purpose": "analytics"})
