"""Computes all cases of a file with the same kind of target, in one pass of the product's own functions."""

from __future__ import annotations

import operator
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import reduce
from types import ModuleType
from typing import TYPE_CHECKING, Any

from jobs.audiences import rules
from jobs.unify.customers import customers
from ml.lifecycle.frames.dataset import labelled
from quanyu.discover import Catalogue
from quanyu.grammar.audience import Audience, family
from quanyu.grammar.entity import Entity
from quanyu.grammar.feature import FeatureView
from quanyu.grammar.model_spec import ModelSpec
from quanyu.grammar.names import with_inputs
from quanyu.grammar.tags import TagFile, profile_column
from quanyu.model.entities import Customer
from quanyu.model.people import Consents, Customers, Identifiers, People
from quanyu.point_in_time import as_of
from quanyu.point_in_time.profiles import profiles
from specification.case import Case, Scene
from specification.comparison import differences
from specification.files import cases_of
from specification.memory import MemoryContext, MemoryLake

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

Rows = list[dict[str, Any]]
CASE = re.compile(r"case(\d+):")
# No run has processed a day of a case, so audience rules compute their views from facts and read none from the lake.
RUN_DAY = date(1900, 1, 1)


class Specified:
    """Results of the product for the cases of modules; a module is computed once, when its first case runs."""

    def __init__(self, spark: Any, catalogue: Catalogue) -> None:
        self.spark, self.catalogue = spark, catalogue
        self._results: dict[str, dict[Case, Rows | Exception]] = {}

    def problems(self, module: ModuleType, case: Case) -> list[str]:
        """Describe the differences between the result of a case and its expectation."""
        if module.__name__ not in self._results:
            self._results[module.__name__] = self.computed(cases_of(module))
        rows = self._results[module.__name__][case]
        if isinstance(rows, Exception):
            return [f"cannot be computed: {str(rows)[:2000]}"]
        return differences(case, rows, self.entity(case).key)

    def computed(self, cases: Sequence[Case]) -> dict[Case, Rows | Exception]:
        """Compute cases, those with one kind of target in one query."""
        groups: dict[Any, list[Case]] = defaultdict(list)
        for case in cases:
            target = self.entity(case) if isinstance(case.target, Audience | str) else case.target
            alone = case.number if isinstance(target, Scene) else 0
            groups[(target, case.zone, str(case.survivorship), alone)].append(case)
        results: dict[Case, Rows | Exception] = {}
        for group in groups.values():
            self.spark.conf.set("spark.sql.session.timeZone", group[0].zone)
            results |= self._in_halves(group)
        return results

    def _in_halves(self, cases: Sequence[Case]) -> dict[Case, Rows | Exception]:
        """Compute cases together; if that fails, in halves, so that only the cases that cannot be computed fail."""
        try:
            rows = _by_case(self._rows(cases))
        except Exception as error:
            if len(cases) == 1:
                return {cases[0]: error}
            middle = len(cases) // 2
            return self._in_halves(cases[:middle]) | self._in_halves(cases[middle:])
        return {case: rows[str(case.number), str(case.as_of)] for case in cases}

    def _rows(self, cases: Sequence[Case]) -> Iterator[dict[str, Any]]:
        target, days = cases[0].target, sorted({case.as_of for case in cases})
        context = self._context(cases)
        if isinstance(target, Audience | str):
            own = {str(case.number): audience.name for case in cases if (audience := self.audience(case))}
            entity = self.entity(cases[0])
            yield from self._with_measures(cases, entity, list(_memberships(context, entity, own, days)))
        elif isinstance(target, Scene):
            names = {
                n: n.split(".")[1] for n in context.catalogue.tags_of(target.entity) if n.startswith(f"{target.name}.")
            }
            yield from _profiles(context, target.entity, names, days)
        elif issubclass(target, ModelSpec):
            frame = labelled(context, target, *days).rows.rename(columns={"cutoff": "as_of"})
            yield from ({str(k): v for k, v in row.items()} for row in frame.to_dict("records"))
        elif issubclass(target, FeatureView):
            yield from _view(context, target, cases, days)
        elif target is Customers:
            yield from _collected(_customers(context, cases[0], days))
        else:
            yield from _collected(as_of.facts(context, target, *days))

    def _with_measures(self, cases: Sequence[Case], entity: type[Entity], rows: Rows) -> Rows:
        """Add the measures of the cases that expect any, by a query of these cases only."""
        measured = [case for case in cases if case.measures()]
        if not measured:
            return rows
        days = sorted({case.as_of for case in measured})
        key = operator.itemgetter("audience", *entity.by())
        values = {key(row): row for row in _measures(self._context(measured), entity, days)}
        return [{**row, **values.get(key(row), {})} for row in rows]

    def _context(self, cases: Sequence[Case]) -> Any:
        targets = [audience for case in cases if (audience := self.audience(case))]
        audiences = {one.name: one for target in targets for one in family(target, self.catalogue.audiences)}
        views = {view.name: view for case in cases for view in _views_beside(case)}
        tags = {file.name: file for case in cases for file in case.tags if isinstance(file, TagFile)}
        chosen = replace(
            self.catalogue, views=self.catalogue.views | views, audiences=audiences, tags=self.catalogue.tags | tags
        )
        for view in views.values():
            view.problems(chosen.tables).check()
        for file in tags.values():
            file.problems(chosen.names(chosen.entities[file.entity])).check()
        for audience in audiences.values():
            entity = chosen.entities[audience.entity]
            audience.problems(entity, rules.names_for_rules(chosen, entity), chosen.tables, ["drop"]).check()
        return MemoryContext(chosen, MemoryLake(self.spark, cases), RUN_DAY)

    def entity(self, case: Case) -> type[Entity]:
        """What a case is about."""
        if audience := self.audience(case):
            return self.catalogue.entities[audience.entity]
        return getattr(case.target, "entity", Customer)

    def audience(self, case: Case) -> Audience | None:
        """The audience of a case: the declared one of its name, or the case's own under a unique name."""
        if isinstance(case.target, str):
            return self.catalogue.audiences[case.target]
        if isinstance(case.target, Audience):
            return case.target.model_copy(update={"name": f"case{case.number}"})
        return None


def _view(
    context: Any, view: type[FeatureView], cases: Sequence[Case], days: Sequence[date]
) -> Iterator[dict[str, Any]]:
    """Features of a view by their names, and the tags of the cases' scenes that are made of the view alone."""
    declared = context.catalogue.tags_of(view.entity)
    scenes = {tags.name if isinstance(tags, TagFile) else tags for case in cases for tags in case.tags}
    names = {f"{view.name}.{name}": name for name in view.features}
    for name in declared:
        owners = {other.split(".")[0] for other in with_inputs([name], declared)}
        if name.split(".")[0] in scenes and owners <= {view.name, *context.catalogue.tags}:
            names[name] = name.split(".")[1]
    yield from _profiles(context, view.entity, names, days)


def _profiles(
    context: Any, entity: type[Entity], names: Mapping[str, str], days: Sequence[date]
) -> Iterator[dict[str, Any]]:
    """Columns of profiles under short names."""
    rows = profiles(context, entity, names, *days)
    yield from _collected(
        rows.selectExpr(*entity.by(), *(f"`{profile_column(n)}` as `{short}`" for n, short in names.items()))
    )


def _by_case(rows: Iterable[dict[str, Any]]) -> dict[tuple[str, str], Rows]:
    """Rows by case number, which their keys begin with, and day."""
    by_case: dict[tuple[str, str], Rows] = defaultdict(list)
    for row in rows:
        numbers = {number for value in row.values() if isinstance(value, str) for number in CASE.findall(value)}
        for number in numbers:
            by_case[number, str(row["as_of"])[:10]].append(row)
    return by_case


def _views_beside(case: Case) -> list[type[FeatureView]]:
    return [case.target] if isinstance(case.target, type) and issubclass(case.target, FeatureView) else []


def _collected(rows: DataFrame) -> Iterator[dict[str, Any]]:
    """Rows with moments as text: as objects they would be in the zone of this process."""
    texts = [f"cast(`{n}` as string) as `{n}`" if t == "timestamp" else f"`{n}`" for n, t in rows.dtypes]
    yield from (row.asDict() for row in rows.selectExpr(*texts).collect())


def _memberships(
    context: Any, entity: type[Entity], audiences: Mapping[str, str], days: Sequence[date]
) -> Iterator[dict[str, Any]]:
    """Whether each of an entity is in the audience of its case, and whether in its holdout, as of each day."""
    key = operator.itemgetter("audience", *entity.by())
    stays = {key(row): row for row in _collected(rules.members_of_all(context, entity, days))}
    for row in _collected(as_of.all_entities(context, entity, *days)):
        name = audiences[CASE.findall(row[entity.key])[0]]
        stay = stays.get((name, row[entity.key], row["as_of"]))
        yield {**row, "audience": name, "inside": stay is not None, "holdout": bool(stay and stay["holdout"])}


def _measures(context: Any, entity: type[Entity], days: Sequence[date]) -> Iterator[dict[str, Any]]:
    """Measures of each audience by the entity's key and day."""
    profile = rules.profile(context, entity, days)
    flat = [f"`{name}`" for name, kind in profile.dtypes if not kind.startswith("struct")]
    for row in _collected(profile.selectExpr(*flat)):
        for name in context.catalogue.audiences:
            values = {key.removeprefix(f"{name}__"): v for key, v in row.items() if key.startswith(f"{name}__")}
            yield {entity.key: row[entity.key], "as_of": row["as_of"], "audience": name, **values}


def _customers(context: Any, case: Case, days: Sequence[date]) -> DataFrame:
    def of(day: date) -> DataFrame:
        people, identifiers, consents = (
            as_of.facts(context, table, day).where("customer_id is not null")
            for table in (People, Identifiers, Consents)
        )
        records = as_of.records_known(context, day)
        return customers(people, identifiers, consents, records, case.survivorship).selectExpr(
            "*", f"date'{day}' as as_of"
        )

    return reduce(lambda left, right: left.unionByName(right), map(of, days))
