"""Customers of today who may be planned for a campaign: reachable, of the model's population, with who may get what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ml.plans.decision import Candidates
from ml.plans.past import finite
from quanyu.discover import Catalogue
from quanyu.engine.filtered import rows_where
from quanyu.expressions import parse, safe_sql, two_valued
from quanyu.grammar.model_spec import ModelSpec
from quanyu.grammar.names import inputs_of
from quanyu.grammar.tags import over_profile, profile_column
from quanyu.literals import quoted
from quanyu.model.entities import Customer
from quanyu.model.people import REACHABLE, ConsentAnswers
from quanyu.point_in_time.profiles import profiles
from quanyu.run.runner import Context

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def names_in_rules(spec: type[ModelSpec], rules: Mapping[str, str]) -> list[str]:
    """Features, tags, attributes and scores that a plan depends on: those of the model, and those in rules."""
    named = [name for text in rules.values() for name in parse(text).columns]
    return list(dict.fromkeys([*inputs_of(spec), *named]))


def candidates(
    context: Context, spec: type[ModelSpec], arms: Sequence[str], rules: Mapping[str, str], channel: str | None
) -> Candidates:
    """Customers as of the day whom messages on the channel may reach, with the arms that rules let them get.

    Without a channel all are. The gate of consent is asked again when something is sent: who may not be reached on the
    day should take up no budget.
    """
    rows = profiles(context, Customer, names_in_rules(spec, rules), context.day)
    rows = rows_where(rows, _truth(context.catalogue, spec.population))
    if channel is not None:
        rows = rows.join(_reachable(context, channel), Customer.key, "left_semi")
    features = [f"cast(`{profile_column(name)}` as double) as `{name}`" for name in spec.features]
    may = [f"{_truth(context.catalogue, rules[arm])} as `_may_{arms.index(arm)}`" for arm in rules]
    people = rows.selectExpr(Customer.key, *features, *may).orderBy(Customer.key).toPandas()
    eligible = np.ones((len(people), len(arms)), dtype=bool)
    for arm in rules:
        eligible[:, arms.index(arm)] = people[f"_may_{arms.index(arm)}"].to_numpy(bool)
    matrix = people[list(spec.features)].to_numpy(np.float64)
    return Candidates(people[Customer.key], finite(matrix), eligible)


def _truth(catalogue: Catalogue, text: str) -> str:
    """SQL of a rule over the profile: true or false, never null."""
    types = {profile_column(name): column.type for name, column in catalogue.names(Customer).items()}
    return safe_sql(two_valued(over_profile(parse(text).tree)), types)


def _reachable(context: Context, channel: str) -> DataFrame:
    """Customers whom messages on a channel reached by what the gate answered last: customer_id."""
    answers = context.lake.table(context.catalogue.tables[ConsentAnswers.name])
    of_channel = f"purpose = 'messages' and channel = {quoted(channel)} and answer = {quoted(REACHABLE)}"
    return answers.where(of_channel).select(Customer.key)
