"""Evaluates an audience of an earlier day again from the versions that were pinned then, and compares the members."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from jobs.audiences import alike, rules
from jobs.audiences.inquiry.changes import days_of
from jobs.audiences.memberships.day_records import NOBODY, counted, definition
from jobs.audiences.memberships.due import is_over
from quanyu.config.settings import Settings
from quanyu.discover import Catalogue
from quanyu.errors import ConfigError, QuanyuError
from quanyu.grammar.audience import Audience, circle, named_audiences
from quanyu.grammar.entity import Entity
from quanyu.lake import place_of
from quanyu.lake.past import copy_tables
from quanyu.literals import quoted
from quanyu.model.statistics import Definitions
from quanyu.point_in_time.profiles import LOST, NO_LOSS
from quanyu.run.runner import Context

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class Replay:
    """An audience of a day evaluated again: its members then and now, and whether they are the same ones."""

    audience: str
    day: date
    recorded: int
    replayed: int
    same: bool
    tables: tuple[str, ...]
    members: pa.Table
    other_learner: str = ""
    """Of a lookalike, in words, the learner of that day if another one is installed; else empty."""


def replay(settings: Settings, name: str, day: date) -> Replay:
    """Evaluate an audience again as it was on a day.

    Raises ConfigError where the day is not recorded, and QuanyuError where a pin has expired, which it names.
    """
    with contextlib.closing(Context(settings, day)) as context:
        record = _record(context, name, day)
        entity = context.catalogue.entities[record["entity"]]
        # Before the definitions are compared: a day without a fit was hashed without its seeds too.
        fit = _fit(record, _audience_then(context, name, record["day"]))
        catalogue = _catalogue_then(context, record, name)
    # On the days after it a lookalike has those whom the fit found: they are found again first.
    fit_day = replay(settings, name, date.fromisoformat(fit.day)) if fit and fit.day != day.isoformat() else None
    versions = {place: int(version) for place, _, version in (pin.rpartition("@") for pin in record["tables"])}
    with _pinned(settings, catalogue, day, versions) as past:
        rows = _evaluated(past, entity, catalogue.audiences[name], fit, fit_day)
        members, _, members_digest = counted(rows, entity).get(name, NOBODY)
        table = rows.select(entity.key).orderBy(entity.key).toArrow()
    tables = (
        (*record["tables"], *(f"{pin} of {fit_day.day}" for pin in fit_day.tables)) if fit_day else record["tables"]
    )
    other = fit is not None and fit.learner != alike.learner()
    words = f"it was found by {fit.learner or 'an unknown learner'}, not {alike.learner()}" if fit and other else ""
    return Replay(name, day, record["members"], members, members_digest == record["members_digest"],
                  tuple(tables), table, words)  # fmt: skip


def _fit(record: Mapping[str, Any], audience: Audience) -> alike.Fit | None:
    """The fit of a lookalike on the day of a record; None for any other audience."""
    if not audience.alike:
        return None
    if not record.get("fit"):
        words = "its fit was not kept yet; the memberships have its members"
        raise QuanyuError(f"{audience.name} of {record['day']} is a lookalike, and {words}")
    return alike.Fit(**json.loads(record["fit"]))


def _record(context: Context, name: str, day: date) -> Mapping[str, Any]:
    days = {row["day"]: row for row in days_of(context, name)}
    if not days:
        raise ConfigError(f"no day of an audience {name!r} is recorded")
    if day not in days:
        raise ConfigError(f"{name} was not evaluated as of {day}; recorded: {min(days)} to {max(days)}")
    if not days[day]["tables"]:
        words = "the profile of the day was not complete, or its members are those of a day before, which it had missed"
        raise QuanyuError(f"nothing pins what {name} of {day} was evaluated from: {words}")
    return days[day]


def _catalogue_then(context: Context, record: Mapping[str, Any], name: str) -> Catalogue:
    """The catalogue with the audience, and those that it depends on, as they were defined on the day."""
    audiences: dict[str, Audience] = {}
    waiting = [name]
    while waiting:
        one = waiting.pop()
        if one not in audiences:
            audiences[one] = _audience_then(context, one, record["day"])
            options = audiences[one].alike
            waiting += [*named_audiences(audiences[one]), *(options.seeds if options else ())]
    then = replace(context.catalogue, audiences=audiences)
    if circle(audiences) or definition(then, audiences[name]) != record["definition_digest"]:
        words = "its definition of that day, or the file of a list, is not the one that is kept"
        raise QuanyuError(f"{name} of {record['day']} cannot be evaluated again: {words}")
    return then


def _audience_then(context: Context, name: str, day: date) -> Audience:
    from pyarrow import compute as pc

    place = place_of(Definitions)
    where = (pc.field("kind") == "audience") & (pc.field("declaration") == name) & (pc.field("valid_from") <= day)
    rows = context.lake.rows(place, where=where).to_pylist() if context.lake.exists(place) else []
    for row in rows:
        if row["valid_to"] is None or row["valid_to"] > day:
            text = yaml.safe_load(row["text"])
            # The history has windows and shares as numbers.
            for measure in text.get("measures", {}).values():
                measure |= {"within": f"{measure['within']} days"} if "within" in measure else {}
            if isinstance(size := text.get("alike", {}).get("size"), float):
                text["alike"]["size"] = f"{size * 100:.12g} %"
            return Audience.model_validate({**text, "name": name, "file": f"the definition of {day}"})
    raise QuanyuError(f"the definition of {name} on {day} is not kept: the history of definitions begins later")


@contextlib.contextmanager
def _pinned(
    settings: Settings, catalogue: Catalogue, day: date, versions: Mapping[str, int]
) -> Iterator[Context]:  # fmt: skip
    """A context over a copy of the tables, each at its version, which shares their files.

    Raises QuanyuError for a version whose files the upkeep has removed.
    """
    home = Path(tempfile.mkdtemp(prefix=".replay-", dir=settings.home))
    try:
        with contextlib.closing(Context(settings, day)) as source:
            _copy(source, home / "lake", versions)
        past = settings.model_copy(update={"home": home})
        with contextlib.closing(Context(past, day, sends=False)) as context:
            context.__dict__["catalogue"] = replace(catalogue, settings=past)
            yield context
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _copy(context: Context, target: Path, versions: Mapping[str, int]) -> None:
    for place, version in versions.items():
        try:
            copy_tables(context.lake, target, {place: version})
        except QuanyuError:
            days = context.settings.retention_days
            words = f"{place} of version {version} has expired: versions are kept for {days} days (retention_days)"
            raise QuanyuError(f"a pin of {context.day} is gone: {words}") from None


def _evaluated(
    context: Context, entity: type[Entity], audience: Audience, fit: alike.Fit | None, fit_day: Replay | None
) -> DataFrame:
    """Members of the audience by the profile and the facts of the copy, staged.

    `fit` is that of a lookalike, and `fit_day` its replay on the day of the fit, None on its own day.
    """
    profile = context.lake.read(f"gold/profile_{entity.name}").selectExpr("*", f"{NO_LOSS} as {LOST}")
    # All seeds that were tried, without those that had ended: their members are among those whom the learner compares.
    seeds = [context.catalogue.audiences[name] for name in (audience.alike.seeds if audience.alike else ())]
    audiences = [audience, *(seed for seed in seeds if not is_over(seed, context.day))]
    rows = rules.evaluate_rules(context, entity, (), audiences, profile).where("lost is null").drop("lost")
    rows = context.lake.staging.materialize(rows)
    if fit is None:
        return rows
    members = _alike(context, entity, audience, fit, fit_day and fit_day.members, rows, profile)
    expansion = alike.Expansion(audience.name, members, fit)
    rows = alike.with_expanded(context, entity, rows, [expansion]).where(f"audience = {quoted(audience.name)}")
    return context.lake.staging.materialize(rows)


def _alike(
    context: Context, entity: type[Entity], audience: Audience, fit: alike.Fit, expansion: pa.Table | None,
    rows: DataFrame, profile: DataFrame,
) -> pa.Table:  # fmt: skip
    """Members of a lookalike: the entity's key, holdout. `rows` are those who may be found and the seed's members."""
    options = audience.alike
    if options is None:
        raise QuanyuError(f"{audience.name} is no lookalike")
    if expansion is not None:
        then = context.lake.staging.stage_arrow(context.lake.spark, expansion, f"`{entity.key}` string").rows
        return alike.still_found(context, entity, audience, fit, then, rows, profile)
    everybody = alike.customers(context, entity, audience, options.seeds, options.names(), rows, profile)
    members, _ = alike.most_alike(options, everybody, fit.seed, fit.random_state)
    return members.select([entity.key, "holdout"])
