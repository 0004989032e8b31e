"""How many entities have each tag or class, and what a summary shows of that: the tags that tell entities apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from jobs.audiences.facts import TagFacts
from quanyu.grammar.table import Column
from quanyu.grammar.tags import profile_column
from quanyu.literals import quoted
from quanyu.run.runner import Result

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# A summary shows so many tags of a scene, and so many classes of a tag.
MOST_TAGS, MOST_CLASSES = 3, 3

Counts = Mapping[str, int]


def tag_counts(rows: DataFrame, tags: Mapping[str, Column]) -> TagFacts:
    """How many entities of profiles have each tag that is a state, and each class or band of the others."""
    from pyspark.sql import functions as F  # noqa: N812

    conditions = {name: f"`{profile_column(name)}`" for name, tag in tags.items() if tag.type == "boolean"}
    classes = {(name, value): f"`{profile_column(name)}` = {quoted(value)}"
               for name, tag in tags.items() if tag.type == "string" for value in tag.values}  # fmt: skip
    listed = [*conditions.values(), *classes.values()]
    if not listed:
        return TagFacts({})
    row = rows.agg(*(F.expr(f"count_if({sql})").alias(f"n{place}") for place, sql in enumerate(listed))).collect()[0]
    counts = iter(row)
    states = {name: next(counts) for name in conditions}
    by_class: dict[str, dict[str, int]] = {}
    for name, value in classes:
        by_class.setdefault(name, {})[value] = next(counts)
    return TagFacts(states, by_class)


def shares(tagged: Iterable[tuple[Result, TagFacts]]) -> Iterator[tuple[str, str]]:
    """A row for each scene: its name, and the shares of the tags that divide its entities most evenly."""
    for result, facts in tagged:
        entities = result.outcome.rows_in
        tags: dict[str, Counts] = {name: {"": count} for name, count in facts.tags.items()} | dict(facts.classes)
        scenes: dict[str, list[str]] = {}
        for name in tags if entities else ():
            scenes.setdefault(name.partition(".")[0], []).append(name)
        for scene, names in scenes.items():
            ordered = sorted(names, key=lambda name: -evenness(tags[name].values(), entities))
            words = [_words(name.partition(".")[2], tags[name], entities) for name in ordered[:MOST_TAGS]]
            yield scene, "; ".join([*words, *_more(len(ordered) - MOST_TAGS)])


def evenness(counts: Iterable[int], entities: int) -> float:
    """Chance that two entities differ in a tag (Gini impurity); those in no class count as one."""
    listed = list(counts)
    parts = [*listed, max(entities - sum(listed), 0)]
    return 1 - sum((count / entities) ** 2 for count in parts)


def _words(name: str, counts: Counts, entities: int) -> str:
    if list(counts) == [""]:
        return f"{name} {counts[''] / entities:.0%}"
    largest: Sequence[tuple[str, int]] = sorted(counts.items(), key=lambda item: -item[1])[:MOST_CLASSES]
    words = [f"{value} {count / entities:.0%}" for value, count in largest]
    return f"{name}: {', '.join([*words, *_more(len(counts) - MOST_CLASSES)])}"


def _more(others: int) -> list[str]:
    return [f"{others} more"] if others > 0 else []
