"""Lookalike audiences: a seed chosen by measured lift, and who of those that may be found is most like its members.

A fit, which is the chosen seed and whom it found, stays for a week: a marketer's audience is to be much the same from
one day to the next. On the days between, members leave who may be found no more; nobody enters. The record of a day
keeps the fit, from which, and from the versions of the tables, the same members are found again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from jobs.audiences.memberships.intervals import MOVES, id_changes, members_on
from ml.lookalike.expansion import SeedChoice, Similarity, choose_seed, expand, neighbours, propensity
from quanyu.engine.filtered import rows_where
from quanyu.errors import QuanyuError
from quanyu.grammar.audience import Alike, Audience
from quanyu.grammar.declaration import digest
from quanyu.grammar.entity import Entity
from quanyu.grammar.tags import profile_column
from quanyu.lake.union import union_all
from quanyu.literals import quoted
from quanyu.point_in_time.profiles import consented, profiles
from quanyu.run.runner import Context

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

MEMORY = "audience_fits"
FIT_DAYS = 7
RANDOM_STATE = 0
SIMILARITIES: Mapping[str, Similarity] = {"propensity": propensity, "neighbours": neighbours}


@dataclass(frozen=True)
class Fit:
    """The seed that was chosen on a day, empty for none, and the lift of each that was tried, by its fields.

    `meaning` digests what the choice depends on. `base` customers might be found, and those whose likeness, by its
    worth, was `threshold` or more were, as the `learner` of that version says, which `random_state` makes repeatable.
    One that an older release remembers says neither.
    """

    day: str
    meaning: str
    seed: str
    lifts: Mapping[str, Mapping[str, float]]
    base: int | None = None
    threshold: float | None = None
    learner: str = ""
    random_state: int = RANDOM_STATE

    def sentence(self, audience: str) -> str:
        """Say which seed is expanded, since when, and how well it finds its hidden half."""
        lift = self.lifts[self.seed]
        interval = f"lift {lift['lift']:.2f} [{lift['low']:.2f}, {lift['high']:.2f}]"
        return f"{audience}: like the {lift['members']:,} members of {self.seed} on {self.day}, {interval}"


@dataclass(frozen=True)
class Expansion:
    """Members of a lookalike audience on the day: the entity's key and holdout; or `words`, why it stays as it was."""

    audience: str
    members: pa.Table
    fit: Fit | None
    words: str = ""


def expansions(
    context: Context, entity: type[Entity], audiences: Iterable[Audience], considered: DataFrame, before: DataFrame
) -> list[Expansion]:
    """Expand the lookalike audiences among these.

    `considered` has who is in each audience on each day: those of a lookalike audience may be found. `before` are the
    intervals of memberships so far.
    """
    today = considered.where(f"as_of = date'{context.day}'")
    return [
        _expansion(context, entity, audience, audience.alike, today, before) for audience in audiences if audience.alike
    ]


def with_expanded(
    context: Context, entity: type[Entity], considered: DataFrame, expanded: Sequence[Expansion]
) -> DataFrame:
    """The members of all audiences on all days, with those whom expansions found in place of all who may be found."""
    if not expanded:
        return considered
    names = ", ".join(quoted(each.audience) for each in expanded)
    schema = f"`{entity.key}` string, holdout boolean"
    parts = [considered.where(f"audience not in ({names})")]
    for each in expanded:
        rows = context.lake.staging.stage_arrow(context.lake.spark, each.members, schema).rows
        values = {"audience": quoted(each.audience), "as_of": f"date'{context.day}'"}
        parts.append(rows.selectExpr(*(f"{values.get(name, f'`{name}`')} as `{name}`" for name in considered.columns)))
    return union_all(parts)


def record_fits(context: Context, expanded: Iterable[Expansion]) -> None:
    """Remember which seed is expanded, and since when."""
    for each in expanded:
        if each.fit is not None and each.fit.seed:
            context.store.unchanged_runs.save(MEMORY, each.audience, asdict(each.fit))


def fit_of(context: Context, audience: Audience) -> Fit | None:
    """The fit by which a lookalike has the members of the day; None for any other audience."""
    return _last_fit(context, audience.name) if audience.alike else None


def learner() -> str:
    """The packages, with their versions, whose scores decide who is found."""
    return ", ".join(f"{package} {version(package)}" for package in ("numpy", "scikit-learn"))


def facts(expanded: Iterable[Expansion]) -> tuple[dict[str, Mapping[str, Mapping[str, float]]], dict[str, str]]:
    """Lifts by lookalike audience and seed, and the chosen seed of each audience, empty for none."""
    fits = {each.audience: each.fit for each in expanded if each.fit is not None}
    return {name: fit.lifts for name, fit in fits.items()}, {name: fit.seed for name, fit in fits.items()}


def _expansion(
    context: Context, entity: type[Entity], audience: Audience, alike: Alike, today: DataFrame, before: DataFrame
) -> Expansion:
    meaning = digest([audience.digest(), *(context.catalogue.audiences[name].digest() for name in alike.seeds)])
    fit = _last_fit(context, audience.name)
    if fit is not None and fit.meaning == meaning and 0 < _age(context, fit) < FIT_DAYS:
        return Expansion(audience.name, _remaining(context, entity, audience, fit, today, before), fit)
    everybody = customers(context, entity, audience, alike.seeds, alike.names(), today)
    try:
        choice, members, threshold = fitted(alike, everybody)
    except QuanyuError as error:
        return Expansion(audience.name, everybody.slice(0, 0), None, str(error))
    lifts = {lift.name: {k: v for k, v in asdict(lift).items() if k != "name"} for lift in choice.lifts}
    base = int(everybody["found"].to_numpy().sum())
    fit = Fit(context.day.isoformat(), meaning, choice.chosen, lifts, base, threshold, learner())
    words = "" if choice.chosen else _refusal(choice)
    return Expansion(audience.name, members.select([entity.key, "holdout"]), fit, words)


def _age(context: Context, fit: Fit) -> int:
    return (context.day - date.fromisoformat(fit.day)).days


def _last_fit(context: Context, audience: str) -> Fit | None:
    last = context.store.unchanged_runs.load(MEMORY, audience)
    return Fit(**last) if last else None


def _refusal(choice: SeedChoice) -> str:
    tried = [str(lift) for lift in choice.lifts] + [f"{name} is too small" for name in choice.too_small]
    return f"no seed is surely better than chance: {'; '.join(tried)}"


def customers(
    context: Context, entity: type[Entity], audience: Audience, seeds: Sequence[str], names: Sequence[str],
    today: DataFrame, stored: DataFrame | None = None,
) -> pa.Table:  # fmt: skip
    """Who may be found or is in a seed, by the entity's key: `found`, `holdout`, `in_SEED`, and the names as doubles.

    Rows are in the order of the key. `stored` are profiles to use instead of those of the day.
    Who has not consented to the audience's purpose is left out: nothing is learned from him, and he is not looked at.
    """
    from pyspark.sql import functions as F  # noqa: N812

    may = f"audience = {quoted(audience.name)}"
    flags = [F.expr(f"bool_or({may})").alias("found"), F.expr(f"bool_or({may} and holdout)").alias("holdout")]
    flags += [F.expr(f"bool_or(audience = {quoted(seed)})").alias(f"in_{seed}") for seed in seeds]
    listed = ", ".join(quoted(name) for name in (audience.name, *seeds))
    of_day = today.where(f"audience in ({listed})").groupBy(entity.key).agg(*flags)
    asks = entity.resolved and audience.purpose != "analytics"
    wanted = [*names, *([f"{entity.name}.consents"] if asks else [])]
    rows = stored if stored is not None else profiles(context, entity, wanted, context.day)
    if asks:
        rows = rows_where(rows, consented(audience.purpose, profile_column(f"{entity.name}.consents")))
    values = (f"cast(`{profile_column(name)}` as double) as `{name}`" for name in names)
    return of_day.join(rows.selectExpr(entity.key, *values), entity.key).toArrow().sort_by(entity.key)


def fitted(alike: Alike, customers: pa.Table) -> tuple[SeedChoice, pa.Table, float | None]:
    """The choice of a seed, rows of those found, and the least score of them; nobody without a seed."""
    seeds = {name: customers[f"in_{name}"].to_numpy() for name in alike.seeds}
    size = alike.number(int(customers["found"].to_numpy().sum()))
    choice = choose_seed(
        seeds, _matrix(alike, customers), size, SIMILARITIES[alike.by], alike.least, RANDOM_STATE,
        _worth(alike, customers),
    )  # fmt: skip
    members, threshold = most_alike(alike, customers, choice.chosen) if choice.chosen else (customers.slice(0, 0), None)
    return choice, members, threshold


def most_alike(
    alike: Alike, customers: pa.Table, chosen: str, random_state: int = RANDOM_STATE
) -> tuple[pa.Table, float | None]:
    """Rows of those who may be found and are most like the chosen seed, and the least score of them, None for nobody.

    The rows are those of `customers`, in their order.
    """
    seed, candidates = (customers[name].to_numpy() for name in (f"in_{chosen}", "found"))
    scores = SIMILARITIES[alike.by](_matrix(alike, customers), seed, random_state)
    worth = _worth(alike, customers)
    members = expand(scores, seed | ~candidates, alike.number(int(candidates.sum())), worth)
    least = (scores if worth is None else scores * worth)[members[-1:]]
    return customers.take(np.sort(members)), float(least[0]) if len(least) else None


def _matrix(alike: Alike, customers: pa.Table) -> Any:
    """The features as doubles, shape (customers, features), with nan for null."""
    return np.column_stack([_numbers(customers, name) for name in alike.features])


def _worth(alike: Alike, customers: pa.Table) -> Any:
    """What weighs the likeness of each customer, shape (customers,); None for nothing.

    Nobody is worth less than nothing, and of whom the worth is unknown counts as worth nothing.
    """
    return np.maximum(np.nan_to_num(_numbers(customers, alike.weigh_by)), 0) if alike.weigh_by else None


def _numbers(customers: pa.Table, name: str) -> Any:
    return customers[name].to_numpy().astype(np.float64)


def _remaining(
    context: Context, entity: type[Entity], audience: Audience, fit: Fit, today: DataFrame, before: DataFrame
) -> pa.Table:
    """Whom the fit found and who may still be found, also under another id; not those who are in the seed now."""
    then = members_on(before.where(f"audience = {quoted(audience.name)}"), date.fromisoformat(fit.day))
    then = then.select(entity.key)
    return still_found(context, entity, audience, fit, then, today)


def still_found(
    context: Context, entity: type[Entity], audience: Audience, fit: Fit, then: DataFrame, today: DataFrame,
    stored: DataFrame | None = None,
) -> pa.Table:  # fmt: skip
    """Of those whom the fit found, `then` by their key, who may still be found. `stored` as in `customers`."""
    key = entity.key
    if entity.resolved:
        moves = context.lake.spark.createDataFrame(id_changes(context, date.fromisoformat(fit.day)), MOVES)
        then = then.unionByName(then.join(moves, then[key] == moves["was"]).selectExpr(f"now as `{key}`"))
    expansion = then.distinct().toArrow()[key].combine_chunks()
    everybody = customers(context, entity, audience, [fit.seed], [], today, stored)
    still = everybody.filter(_is_in(everybody[key], expansion))
    stays = still["found"].to_numpy() & ~still[f"in_{fit.seed}"].to_numpy()
    return still.filter(stays).select([key, "holdout"])


def _is_in(keys: Any, others: Any) -> Any:
    from pyarrow import compute

    return compute.is_in(keys, value_set=others)
