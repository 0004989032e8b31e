"""The audience that a question is about: a declared one, a file that is not saved yet, or a rule, and its profiles."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.audiences import references, rules, static_lists
from quanyu.discover import Catalogue
from quanyu.errors import ConfigError, nearest
from quanyu.expressions import parse
from quanyu.grammar.audience import Audience, full_name, list_column
from quanyu.grammar.declaration import NAME, Problems
from quanyu.grammar.entity import Entity
from quanyu.grammar.tags import profile_column
from quanyu.point_in_time.profiles import LOST, NO_LOSS, profiles
from quanyu.run.runner import Context

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

TRIAL = "trial"


@dataclass(frozen=True)
class RulePart:
    """One of the conditions that all hold for members: as it is written, and SQL over profiles and measures."""

    text: str
    sql: str


def audience_of(catalogue: Catalogue, wanted: str, entity: str = "customer") -> Audience:
    """The audience of a name, of a file, or one that is made of a rule.

    Raises ConfigError for an unknown name or a mistake.
    """
    if wanted in catalogue.audiences:
        return catalogue.audiences[wanted]
    if wanted.endswith((".yml", ".yaml")):
        return _checked(catalogue, Audience.load(Path(wanted)))
    if NAME.match(wanted):
        raise ConfigError(f"there is no audience {wanted!r}; {nearest(wanted, catalogue.audiences)}")
    return _checked(
        catalogue,
        Audience(name=TRIAL, file="the rule", describes="A trial.", owner="you", entity=entity, goal="care",
                 who=wanted, purpose="analytics"),
    )  # fmt: skip


def _checked(catalogue: Catalogue, audience: Audience) -> Audience:
    """The audience, if it is valid but for the platforms that it is sent to."""
    if audience.entity not in catalogue.entities:
        raise ConfigError(f"unknown entity {audience.entity!r}; {nearest(audience.entity, catalogue.entities)}")
    about, problems = catalogue.entities[audience.entity], Problems()
    names = rules.names_for_rules(catalogue, about)
    problems.found += audience.problems(about, names, catalogue.tables, audience.send_to).found
    references.check_named(catalogue, audience, problems)
    static_lists.check_lists(catalogue.settings.conf, audience, problems)
    problems.check()
    return audience


def conditions(catalogue: Catalogue, entity: type[Entity], audience: Audience) -> list[RulePart]:
    """The parts of a rule that `and` joins, with their SQL."""
    parts = ((text, audience.model_copy(update={"who": text})) for text in texts_of_conditions(audience))
    return [RulePart(text, rules.rule(catalogue, entity, part)) for text, part in parts]


def texts_of_conditions(audience: Audience) -> list[str]:
    """The parts of a rule that `and` joins, in order; a rule without `and` is one condition."""
    tree = parse(audience.who).tree.unnest()
    parts = tree.flatten() if tree.key == "and" else [tree]
    return [part.unnest().sql(dialect="spark") for part in parts]


def columns(catalogue: Catalogue, audience: Audience) -> dict[str, str]:
    """Columns that a rule reads, with the names under which people know them."""
    names = {profile_column(name): name for name in rules.names_in_rules(catalogue, [audience])}
    for one in rules.with_named(catalogue, [audience]):
        own = "" if one is audience else f"{one.name}: "
        names |= {full_name(one, measure): f"{own}{measure}" for measure in one.measures}
        names |= {list_column(one, name): f"{own}list.{name}" for name in one.lists}
    return names


def day_of_profiles(context: Context, entity: type[Entity]) -> date:
    """Day of the newest profiles. Raises ConfigError before the first run."""
    if day := context.forward_day(f"profile.{entity.name}"):
        return day
    raise ConfigError(f"profiles of {entity.plural(2)} were not computed yet: run a day first, quanyu run --day DAY")


def profiles_for(
    context: Context, entity: type[Entity], audiences: Collection[Audience], names: Iterable[str]
) -> DataFrame:  # fmt: skip
    """Profiles of the context's day with some names, and with the measures and lists of some audiences.

    Those that are stored, if they are of the day and have every column: what is declared otherwise since then counts
    from the next run on, so that a question is answered at once.
    """
    place, names = f"gold/profile_{entity.name}", list(names)
    flat = dict.fromkeys(profile_column(name) for name in names)
    of_day = context.lake.exists(place) and context.forward_day(f"profile.{entity.name}") == context.day
    if of_day and {*flat} <= {*context.lake.arrow(place).schema.names}:
        columns_read = (f"`{name}`" for name in flat)
        rows = context.lake.read(place).selectExpr(f"`{entity.key}`", "as_of", *columns_read, f"{NO_LOSS} as {LOST}")
    else:
        rows = profiles(context, entity, names, context.day)
    return rules.profile(context, entity, [], audiences, rows)
