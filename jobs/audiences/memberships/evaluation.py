"""Evaluates the rules of all audiences about an entity in one pass; one that fails does not stop the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from jobs.audiences import rules
from quanyu.engine.guard import guard
from quanyu.errors import QuanyuError, RetryableError
from quanyu.grammar.audience import Audience
from quanyu.grammar.entity import Entity
from quanyu.lake.union import union_all
from quanyu.run.runner import Context

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class RuleResults:
    """Members of audiences on some days: audience, the entity's key, as_of, holdout.

    `losses` counts the entities by value that cannot be computed of them on the day of the run, `failures` says why the
    rule of an audience could not be evaluated.
    """

    rows: DataFrame
    losses: Mapping[str, int]
    failures: Mapping[str, str]


def evaluated(
    context: Context, entity: type[Entity], skipped: Sequence[date], audiences: Sequence[Audience]
) -> RuleResults:
    """Evaluate audiences as of some skipped days and the day of the run.

    Raises the error of the first evaluation if every audience fails: then it is not theirs.
    """
    inside = f"audience string, `{entity.key}` string, as_of date, holdout boolean"
    if not audiences:
        return RuleResults(context.lake.spark.createDataFrame([], inside), {}, {})
    parts, counts, failures = _in_halves(context, entity, skipped, audiences)
    if not parts:
        raise failures[audiences[0].name]
    rows = union_all(parts).where("lost is null").drop("lost", "_lost_today")
    losses = {name.replace("__", "."): count for name, count in counts.items() if name}
    return RuleResults(rows, losses, {name: str(error) for name, error in failures.items()})


def _in_halves(
    context: Context, entity: type[Entity], skipped: Sequence[date], audiences: Sequence[Audience]
) -> tuple[list[DataFrame], dict[Any, int], dict[str, QuanyuError]]:
    """Rows of all audiences in one pass; if that fails, of each half, so that only those that fail are left out."""
    try:
        with guard("audiences"):
            lost_today = f"if(as_of = date'{context.day}', lost, null) as _lost_today"
            rows = rules.evaluate_rules(context, entity, skipped, audiences).selectExpr("*", lost_today)
            staged, counts = context.lake.staging.stage_and_count(rows, by="_lost_today")
        return [staged.rows], dict(counts), {}
    except RetryableError:
        raise
    except QuanyuError as error:
        if len(audiences) == 1:
            return [], {}, {audiences[0].name: error}
    middle = len(audiences) // 2
    first, second = (_in_halves(context, entity, skipped, some) for some in (audiences[:middle], audiences[middle:]))
    return [*first[0], *second[0]], {**first[1], **second[1]}, {**first[2], **second[2]}
