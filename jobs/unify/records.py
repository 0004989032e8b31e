"""Records of persons as of a day, as Spark gives them: what is compared, and their identifiers as whole numbers."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from jobs.unify import normalise
from jobs.unify.matching import fields
from quanyu.identity import Identity
from quanyu.lake import Lake
from quanyu.literals import quoted
from quanyu.model.people import KINDS
from quanyu.run import Context
from quanyu.settings import Settings, person_key_secret
from quanyu.staging import Kept

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

Array = np.ndarray[Any, Any]
HASHED = ("phone_sha256", "phone_md5", "email_sha256", "email_md5")
_OF_PEOPLE = {
    "birthday": "coalesce(date_format(birthday, 'yyyyMMdd'), birthday_told)",
    **{name: name for name in ("given_name", "family_name", "display_name", "gender", "city", "region", "postcode",
                               "address", "phone_masked")},
}  # fmt: skip
PERSON = "xxhash64(source, person_key) as person"


@dataclass(frozen=True)
class Staged:
    """Records (person, source, person_key, known_on, raw, codes, RAW) and identifiers (see links.Shown), as files."""

    records: Kept
    values: Kept


def salt_of(settings: Settings) -> str:
    """Sixteen characters that key every hash of the identity tables: made of the home's secret, and not it."""
    return hashlib.sha256(b"identity/" + person_key_secret(settings)).hexdigest()[:16]


def staged(context: Context, day: date) -> Staged:
    """Take the records of the retailer's own customers as known on the day."""
    lake, tables = context.lake, context.catalogue.tables
    identifiers = _known(context, lake.table(tables["identifiers"]), day)
    identifiers = _unhashed(lake, identifiers)
    salt = quoted(salt_of(context.settings))
    return Staged(
        lake.staging.take(_records(_known(context, lake.table(tables["people"]), day), identifiers, salt)),
        lake.staging.take(_values(context, identifiers, salt)),
    )


def parties(context: Context) -> list[str]:
    """Feeds that tell of other parties' persons, who are nobody's customers."""
    return sorted(name for name, source in context.catalogue.sources.items() if source.party != "first")


def _known(context: Context, rows: DataFrame, day: date) -> DataFrame:
    others = parties(context)
    rows = rows.where(f"recorded_on <= date'{day}' and (replaced_on is null or replaced_on > date'{day}')")
    return rows.where(~rows["source"].isin(others)) if others else rows


def _records(people: DataFrame, identifiers: DataFrame, salt: str) -> DataFrame:
    from pyspark.sql import functions as F  # noqa: N812

    firsts = [
        F.expr(f"max_by(value, struct(recorded_on, value)) filter (where kind = '{kind}')").alias(kind)
        for kind in ("email", "phone", "national_id")
    ]
    named = identifiers.groupBy("source", "person_key").agg(F.expr("min(recorded_on)").alias("known_on"), *firsts)
    told = people.selectExpr("source", "person_key", *(f"{sql} as `{name}`" for name, sql in _OF_PEOPLE.items()))
    compared = ", ".join(f"`{name}`, `{name}` is null" for name in fields.RAW)
    return named.join(told, ["source", "person_key"], "left").selectExpr(
        PERSON, "source", "person_key", "known_on", f"xxhash64({compared}) as raw",
        *(f"if({kind} is null, 0, {_value(quoted(kind), quoted(''), kind, salt)}) as {kind}_code"
          for kind in ("email", "phone")),
        *(f"`{name}`" for name in fields.RAW),
    )  # fmt: skip


def _value(kind: str, scope: str, value: str, salt: str) -> str:
    return f"xxhash64({salt}, {kind}, {scope}, {value})"


def _values(context: Context, identifiers: DataFrame, salt: str) -> DataFrame:
    kinds = ", ".join(quoted(kind) for kind in KINDS)
    return identifiers.selectExpr(
        PERSON, f"cast(array_position(array({kinds}), kind) - 1 as int) as kind", f"xxhash64({salt}, scope) as scope",
        f"{_value('kind', 'scope', 'value', salt)} as value", "cast(unix_date(recorded_on) as int) as day",
        f"{_blocked(context, context.catalogue.identity)} as blocked",
    )  # fmt: skip


def _blocked(context: Context, identity: Identity) -> str:
    """SQL of why a value names nobody, by its place in links.BLOCKED."""
    cases = []
    for kind, blocked in identity.blocked.items():
        is_kind = f"kind = {quoted(kind)} and"
        if blocked.values:
            cases.append(f"when {is_kind} value in ({', '.join(map(quoted, blocked.values))}) then 1")
        cases += [f"when {is_kind} value rlike {quoted(pattern)} then 2" for pattern in blocked.patterns]
        own = sorted(_of_the_house(context, kind, blocked.masters))
        if own:
            cases.append(f"when {is_kind} value in ({', '.join(map(quoted, own))}) then 3")
    return f"cast(case {' '.join(cases)} else 0 end as int)" if cases else "0"


def blocked_values(context: Context, rows: pd.DataFrame) -> Array:
    """Why each value (columns kind, value) names nobody, by its place in links.BLOCKED, without Spark."""
    found = np.zeros(len(rows), np.int64)
    for kind, blocked in context.catalogue.identity.blocked.items():
        of_kind, values = (rows["kind"] == kind).to_numpy(), rows["value"].astype(str)
        looks = [values.isin(_of_the_house(context, kind, blocked.masters))]
        looks += [values.map(re.compile(pattern).search).notna() for pattern in reversed(blocked.patterns)]
        places = [3, *(2 for _ in blocked.patterns), 1]
        for place, look in zip(places, [*looks, values.isin(blocked.values)], strict=True):
            found[of_kind & look.to_numpy()] = place
    return found


def _of_the_house(context: Context, kind: str, masters: tuple[str, ...]) -> set[str]:
    """Numbers of stores and staff as the masters tell them, whether still or formerly."""
    found: set[str] = set()
    for master in masters:
        table, _, column = master.partition(".")
        place = f"silver/{table}"
        if context.lake.exists(place):
            raw = {value for value in context.lake.values(place, column) if value}
            made = {normalise.normalise(kind, value, context.settings.region) for value in raw}
            found |= {value for value in made if value}
    return found


def _unhashed(lake: Lake, identifiers: DataFrame) -> DataFrame:
    """Give a hashed phone or e-mail the clear value whose hash it is, where any record shows that in the clear."""
    from pyspark.sql import functions as F  # noqa: N812

    if not lake.exists("silver/identifiers") or not set(HASHED) & lake.values("silver/identifiers", "kind"):
        return identifiers
    clear = identifiers.where("kind in ('phone', 'email')").select("kind", "value").distinct()
    forms = F.explode(F.udf(_forms(), "array<struct<kind: string, value: string>>")("kind", "value")).alias("form")
    known = clear.select(forms, F.col("kind").alias("clear_kind"), F.col("value").alias("clear"))
    known = known.selectExpr("form.kind as kind", "form.value as value", "clear_kind", "clear").distinct()
    # A hash of two clear values would be a hash of neither.
    known = known.groupBy("kind", "value").agg(
        F.expr("min(clear_kind)").alias("clear_kind"), F.expr("min(clear)").alias("clear")
    )
    joined = identifiers.join(known, ["kind", "value"], "left")
    return joined.selectExpr(
        "source", "person_key", "coalesce(clear_kind, kind) as kind", "scope", "coalesce(clear, value) as value",
        "recorded_on",
    )  # fmt: skip


def _forms() -> Callable[[str, str], list[tuple[str, str]]]:
    """Make the function that lists the hashed forms of a value; workers have none of our packages."""
    from pyspark import cloudpickle

    cloudpickle.register_pickle_by_value(normalise)  # type: ignore[no-untyped-call]
    hashes = normalise.hashes
    return lambda kind, value: hashes(kind, value)
