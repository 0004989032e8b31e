"""Scores whose outcome is known by now: those of a day whose horizon is over, or of customers whom campaigns drew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from ml.lifecycle.frames import assigned, dataset
from quanyu.grammar.model_spec import ModelSpec
from quanyu.grammar.offers.assignments import OF_DRAW
from quanyu.run.runner import Context

if TYPE_CHECKING:
    import pandas as pd

# Scores that were older when a campaign drew are not those that it could have gone by.
OLDEST_DAYS = 7


@dataclass(frozen=True)
class KnownOutcomes:
    """Scores of one version with what came of them, and the newest day of these scores.

    `rows` have the entity's key, `version`, the columns of the task and `label`; OF_DRAW where campaigns drew.
    """

    scored_on: date
    rows: pd.DataFrame


def known_outcomes(
    context: Context, spec: type[ModelSpec], trained: Mapping[str, date], earlier: list[dict[str, Any]]
) -> KnownOutcomes | None:
    """What there is to measure now; None if nothing is, or was measured in the last `trained_every_days` days.

    `trained` has the day of training by version, `earlier` the model's rows of ModelMonitoring of days before this one
    that say how scores came true.
    """
    if not context.lake.exists(f"gold/scores_{spec.entity.name}"):
        return None
    of_kind = _of_everybody if spec.experiment is None else _of_drawn
    return of_kind(context, spec, trained, earlier)


def _of_everybody(
    context: Context, spec: type[ModelSpec], trained: Mapping[str, date], earlier: list[dict[str, Any]]
) -> KnownOutcomes | None:
    """Scores of the newest day whose horizon is over, unless it lies too near the last one that was measured.

    A day on which nothing ran has no scores, so it is not fixed days that are measured.
    """
    over = spec.test_cutoff(context.day)
    measured = [row["scored_on"] for row in earlier]
    begin = max(measured) + timedelta(days=spec.trained_every_days) if measured else date.min
    days = [day for day in _versions_by_day(context, spec, trained, begin) if day <= over]
    if not days:
        return None
    scores = scores_on(context, spec, max(days))
    labels = dataset.labelled(context, spec, max(days)).rows[[spec.entity.key, "label"]]
    return KnownOutcomes(max(days), scores.merge(labels, on=spec.entity.key))


def _of_drawn(
    context: Context, spec: type[ModelSpec], trained: Mapping[str, date], earlier: list[dict[str, Any]]
) -> KnownOutcomes | None:
    """Customers whom campaigns drew, with the scores of the evening before: all draws that one version scored.

    It is the version that scored the newest draws with a known outcome. All its draws count again each time, as the
    effect of one campaign alone is seldom told from chance. None of them was learned from: they came later.
    """
    pause = timedelta(days=spec.trained_every_days)
    if earlier and max(row["measured_on"] for row in earlier) + pause > context.day:
        return None
    versions = _versions_by_day(context, spec, trained, date.min)
    if not versions:
        return None
    scored_on: dict[date, date] = {}
    for cutoff in assigned.known_cutoffs(context, spec, min(versions)):
        days = [day for day in versions if cutoff - timedelta(days=OLDEST_DAYS) < day <= cutoff]
        scored_on |= {cutoff: max(days)} if days else {}
    newest = max(scored_on.values(), default=date.min)
    if not scored_on or newest <= max((row["scored_on"] for row in earlier), default=date.min):
        return None
    ours = {cutoff: day for cutoff, day in scored_on.items() if versions[day] == versions[newest]}
    return KnownOutcomes(newest, _drawn_with_scores(context, spec, ours))


def _drawn_with_scores(context: Context, spec: type[ModelSpec], scored_on: Mapping[date, date]) -> pd.DataFrame:
    """Draws with their outcome and the scores of the day that `scored_on` has for their cutoff."""
    import pandas as pd

    key, day = spec.entity.key, timedelta(days=1)
    rows = assigned.assigned(context, spec, min(scored_on) + day, max(scored_on) + day).rows
    rows = rows[[key, "cutoff", *OF_DRAW, "label"]]
    days = pd.to_datetime(rows["cutoff"]).dt.date.map(scored_on)
    # One day at a time: the scores of a day are many, those who were drawn few.
    parts = [part.merge(scores_on(context, spec, each), on=key) for each, part in rows.groupby(days)]
    return pd.concat(parts, ignore_index=True) if parts else rows.assign(version="")


def scores_on(context: Context, spec: type[ModelSpec], day: date) -> pd.DataFrame:
    """Scores of a model on a day: the entity's key, the version, and the columns of its task."""
    import pandas as pd
    import pyarrow.compute as pc

    place, columns = f"gold/scores_{spec.entity.name}", [spec.entity.key, "version", *spec.task.columns]
    if not context.lake.exists(place):
        return pd.DataFrame(columns=columns)
    where = (pc.field("model") == spec.name) & (pc.field("as_of") == day)
    frame: pd.DataFrame = context.lake.arrow(place).to_table(columns=columns, filter=where).to_pandas()
    return frame


def _versions_by_day(
    context: Context, spec: type[ModelSpec], trained: Mapping[str, date], begin: date
) -> dict[date, str]:
    """The version that scored each day from `begin` on, of the versions that are in the registry.

    A day that was made up for by a version of a later training is left out: that may have learned what came of it.
    """
    scores = context.lake.read(f"gold/scores_{spec.entity.name}")
    within = f"model = '{spec.name}' and as_of >= date'{begin}'"
    days = scores.where(within).groupBy("as_of").agg({"version": "max"}).collect()
    return {day: version for day, version in days if version in trained and trained[version] <= day}
