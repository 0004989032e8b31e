"""The metrics of a conf folder, planned: those over the rows of a table by their cut, and ratios of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from quanyu.discover import Catalogue
from quanyu.expressions import parse
from quanyu.grammar.lifecycle import Use
from quanyu.grammar.metrics.metric import Metric, ValidTime
from quanyu.grammar.metrics.plan import MetricPlan, Profiles, planned_metric, scope_of
from quanyu.grammar.table import Table


@dataclass(frozen=True)
class Cut:
    """Metrics over the same rows: a table, and what says on which days a row counts."""

    table: type[Table]
    at: str | None
    valid: ValidTime | str | None
    first: bool
    is_profile: bool
    plans: tuple[MetricPlan, ...]

    @property
    def widest(self) -> int:
        """Days of the longest window."""
        return max(plan.metric.within for plan in self.plans)

    @property
    def by_customer(self) -> bool:
        """Whether a metric names the customer of a fact that is known by its person."""
        own = self.table.schema()
        return not self.is_profile and any("customer_id" in plan.columns() - set(own) for plan in self.plans)

    def referred(self) -> list[str]:
        """Tables whose columns its metrics name beside those of its own."""
        return list(dict.fromkeys(name for plan in self.plans for name in plan.referred()))


@dataclass(frozen=True)
class MetricPlans:
    """Cuts, ratios, and metrics that nothing can fill, each with the reason."""

    cuts: tuple[Cut, ...]
    ratios: Mapping[str, Metric]
    unfilled: Mapping[str, str]

    def of_profiles(self) -> set[str]:
        """Metrics that are of the run's day only: those over profiles, and ratios of such."""
        names = {plan.name for cut in self.cuts if cut.is_profile for plan in cut.plans}
        return names | {name for name, metric in self.ratios.items() if names & set(metric.parts())}


def profiles_of(catalogue: Catalogue) -> Profiles:
    """What metrics may name of each entity, by the name of its table of profiles."""
    named = {f"profile_{name}": catalogue.names(entity) for name, entity in catalogue.entities.items()}
    return {profile: {n: column for n, column in names.items() if column.type} for profile, names in named.items()}


def metrics_of(catalogue: Catalogue) -> dict[str, Metric]:
    """Every declared metric by its full name."""
    return {name: metric for file in catalogue.metrics.values() for name, metric in file.named()}


def uses(catalogue: Catalogue) -> list[Use]:
    """What metrics over profiles name of entities."""
    return [
        Use(
            metric.over.removeprefix("profile_"),
            named,
            f"metric {name}",
            file.file,
            f"metrics.{name.partition('.')[2]}",
        )
        for file in catalogue.metrics.values()
        for name, metric in file.named()
        if metric.over and metric.over.startswith("profile_")
        for text in (metric.value, metric.where, *metric.dimensions.values())
        if text
        for named in parse(text).columns
    ]


def parts_only(metrics: Mapping[str, Metric]) -> set[str]:
    """Metrics without a place in the tree that ratios are made of: lists leave them out."""
    parts = {part for metric in metrics.values() for part in metric.parts()}
    return {name for name in parts if name in metrics and metrics[name].parent is None}


def plans_of(catalogue: Catalogue) -> MetricPlans:
    """Plan every metric of a conf folder that is valid."""
    filled = filled_columns(catalogue)
    profiles = profiles_of(catalogue)
    metrics = metrics_of(catalogue)
    unfilled: dict[str, str] = {}
    rows: defaultdict[tuple[object, ...], list[MetricPlan]] = defaultdict(list)
    for name, metric in metrics.items():
        if metric.ratio is not None:
            continue
        scope = scope_of(metric, catalogue.tables, profiles)
        plan = planned_metric(name, metric, scope)
        if lacking := _lacking_columns(plan, catalogue.tables, filled):
            unfilled[name] = f"no source fills {', '.join(lacking)}"
            continue
        later = bool(metric.only_with)
        rows[(scope.table, metric.at, metric.valid, metric.first, scope.is_profile, later)].append(plan)
    for key, plans in rows.items():
        for plan in list(plans):
            lacking_others = [other for other in plan.metric.only_with.values() if other in unfilled]
            if lacking_others:
                unfilled[plan.name] = unfilled[lacking_others[0]]
                rows[key].remove(plan)
    ratios = {name: metric for name, metric in metrics.items() if metric.ratio is not None}
    for name, metric in ratios.items():
        if reasons := [unfilled[part] for part in metric.parts() if part in unfilled]:
            unfilled[name] = reasons[0]
    ratios = {name: metric for name, metric in ratios.items() if name not in unfilled}
    return MetricPlans(tuple(_cut(tuple(plans)) for plans in rows.values() if plans), ratios, unfilled)


def filled_columns(catalogue: Catalogue) -> dict[str, set[str]]:
    """Columns of each table of silver that a source fills."""
    columns: dict[str, set[str]] = {}
    for source in catalogue.sources.values():
        for fill in source.fills.values():
            columns.setdefault(fill.table, set()).update(fill.columns)
    return columns


def _lacking_columns(
    plan: MetricPlan, tables: Mapping[str, type[Table]], filled: Mapping[str, set[str]]
) -> list[str]:  # fmt: skip
    """Tables and columns that the value of a metric needs and no source fills; dimensions may be unknown."""
    own = plan.scope.table
    if own.layer == "silver" and own.name not in filled:
        return [own.name]
    lacking = []
    for name in sorted(plan.needed()) if not plan.scope.is_profile else ():
        qualifier, _, column = name.rpartition(".")
        table = tables[qualifier] if qualifier else own
        columns = parse(table.conditions[column].sql).columns if column in table.conditions else [column]
        of_silver = table.layer == "silver"
        lacking += [f"{table.name}.{one}" for one in columns
                    if of_silver and one in table.columns and one not in filled.get(table.name, ())]  # fmt: skip
    return list(dict.fromkeys(lacking))


def _cut(plans: tuple[MetricPlan, ...]) -> Cut:
    """The cut of plans over the same rows."""
    metric, scope = plans[0].metric, plans[0].scope
    return Cut(scope.table, metric.at, metric.valid, metric.first, scope.is_profile, plans)
