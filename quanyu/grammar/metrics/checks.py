"""Checks metrics: names, expressions, the parts of ratios, and the tree from business goals to metrics."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from quanyu.errors import ConfigError, nearest
from quanyu.grammar.declaration import NAME, Problems
from quanyu.grammar.metrics.metric import Metric, MetricFile, MetricTree, terms
from quanyu.grammar.metrics.plan import Profiles, faults, scope_of
from quanyu.grammar.table import Table
from quanyu.model.metrics import TOTAL

Fault = tuple[str, str]


def check_metrics(
    files: Mapping[str, MetricFile], tree: MetricTree | None, tables: Mapping[str, type[Table]], profiles: Profiles,
    problems: Problems,
) -> None:  # fmt: skip
    """Add every mistake in the metrics and their tree to `problems`."""
    metrics = {name: metric for file in files.values() for name, metric in file.named()}
    nodes = dict(tree.nodes) if tree else {}
    for file in files.values():
        for name, metric in file.named():
            for key, message in _faults(name, metric, metrics, [*nodes, *metrics], tables, profiles):
                problems.add(file.file, f"metrics.{name.partition('.')[2]}{key}", message)
    for name, node in nodes.items():
        if not NAME.match(name):
            problems.add(str(tree and tree.file), f"nodes.{name}", "is no name: lower case letters, digits and _")
        if node.parent is not None and node.parent not in nodes:
            words = f"unknown node {node.parent!r}; {nearest(node.parent, nodes)}"
            problems.add(str(tree and tree.file), f"nodes.{name}.parent", words)
    parents = {name: node.parent for name, node in nodes.items()}
    parents |= {name: metric.parent for name, metric in metrics.items()}
    if circle := _circle(parents):
        place = files[subject].file if (subject := circle[0].partition(".")[0]) in files else str(tree and tree.file)
        problems.add(place, "parent", f"a circle: {' -> '.join(circle)}: one of them needs another parent")


def _faults(
    name: str, metric: Metric, metrics: Mapping[str, Metric], parents: list[str],
    tables: Mapping[str, type[Table]], profiles: Profiles,
) -> Iterator[Fault]:  # fmt: skip
    if not NAME.match(name.partition(".")[2]):
        yield "", "is no name: lower case letters, digits and _"
    if metric.parent is not None and metric.parent not in parents:
        yield ".parent", f"unknown node or metric {metric.parent!r}; {_nearest(metric.parent, parents)}"
    for dimension in metric.dimensions:
        if not NAME.match(dimension) or dimension == TOTAL:
            yield f".dimensions.{dimension}", f"is no name: lower case letters, digits and _, not {TOTAL}"
    if metric.ratio is not None:
        yield from _ratio_faults(metric, metrics)
        return
    for dimension, other in metric.only_with.items():
        yield from _company_faults(metric, dimension, other, metrics)
    try:
        scope = scope_of(metric, tables, profiles)
    except ConfigError as error:
        yield ".over", str(error)
        return
    yield from ((f".{key}", message) for key, message in faults(name, metric, scope))


def _nearest(name: str, names: Iterable[str]) -> str:
    """The allowed names; of metrics only those of the subject that is named, if it has any."""
    subject = name.partition(".")[0]
    of_subject = [other for other in names if other.partition(".")[0] == subject]
    return nearest(name, of_subject or [other for other in names if "." not in other] or names)


def _ratio_faults(metric: Metric, metrics: Mapping[str, Metric]) -> Iterator[Fault]:
    sums = {name: other for name, other in metrics.items() if other.ratio is None}
    for part in metric.parts():
        if part in metrics and part not in sums:
            yield ".ratio", f"{part} is a ratio: a ratio is made of sums and counts, so name the parts of {part}"
        elif part not in metrics:
            yield ".ratio", f"unknown metric {part!r}; {_nearest(part, sums)}"
    if set(metric.parts()) - set(sums):
        return
    for part in metric.ratio or ():
        units = {sums[name].unit for _, name in terms(part)}
        if len(units) > 1:
            yield ".ratio", f"{part!r} adds {' and '.join(sorted(units))}: only values of one unit add up"
    broken_down = [set(sums[name].dimensions) for name in metric.parts() if sums[name].dimensions]
    if len(broken_down) > 1 and not set.intersection(*broken_down):
        parts = "; ".join(f"{name} has {', '.join(sums[name].dimensions) or 'none'}" for name in metric.parts())
        yield ".ratio", f"its parts have no dimension in common: {parts}"


def _company_faults(metric: Metric, dimension: str, other: str, metrics: Mapping[str, Metric]) -> Iterator[Fault]:
    """Yield what keeps a metric from counting only with members of which another has rows."""
    key = f".only_with.{dimension}"
    named = metrics.get(other)
    if named is None:
        yield key, f"unknown metric {other!r}; {_nearest(other, metrics)}"
    elif not named.of_one_day or named.only_with:
        yield (
            key,
            f"{other} is a ratio, of more days than one, or itself only with another: name a sum or count of a day",
        )
    elif missing := [words for words, has in (("it", metric), (other, named)) if dimension not in has.dimensions]:
        yield key, f"{' and '.join(missing)} {'have' if len(missing) > 1 else 'has'} no dimension {dimension!r}"
    elif "distinct" in str(metric.value).lower():
        yield key, "distinct values may be of several members: write a sum or count"


def shared_dimensions(metric: Metric, metrics: Mapping[str, Metric]) -> list[str]:
    """Dimensions that all parts of a ratio have, by name; those of the metric itself if it is no ratio."""
    if metric.ratio is None:
        return list(metric.dimensions)
    first, *others = (metrics[name].dimensions for name in metric.parts())
    return [name for name in first if all(name in other for other in others)]


def _circle(parents: Mapping[str, str | None]) -> list[str]:
    graph = {name: [parent] if parent else [] for name, parent in parents.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []
