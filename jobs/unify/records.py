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
import pyarrow as pa

from jobs.unify import normalise, silver
from jobs.unify.memory import Seen
from jobs.unify.numbers import mixed
from quanyu.identity import Identity
from quanyu.literals import quoted
from quanyu.model.people import KINDS
from quanyu.run import Context
from quanyu.settings import Settings, person_key_secret

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

Array = np.ndarray[Any, Any]
OF_PEOPLE = {
    "birthday": "coalesce(date_format(birthday, 'yyyyMMdd'), birthday_told)",
    **{name: name for name in ("given_name", "family_name", "display_name", "gender", "city", "region", "postcode",
                               "address", "phone_masked")},
}  # fmt: skip
# Kinds of identifiers that are compared for likeness too.
COMPARED = ("email", "phone", "national_id")
PERSON = "xxhash64(source, person_key) as person"


# Source and person_key of records by their places.
Names = Callable[[Array], pd.DataFrame]


@dataclass(frozen=True)
class Staged:
    """Records of a day in the order of their numbers, what they show, and how they are called where they came from.

    `records` has person, known_on (days since 1970), raw (the hash of all that is compared), email_code and phone_code;
    `values` the columns of links.Shown, in the order of the records; `hashes` tells whether feeds show hashed values.
    """

    records: pa.Table
    values: pd.DataFrame
    names: Names
    day: date
    hashes: bool
    seen: Seen


def salt_of(settings: Settings) -> str:
    """Sixteen characters that key every hash of the identity tables: made of the home's secret, and not it."""
    return hashlib.sha256(b"identity/" + person_key_secret(settings)).hexdigest()[:16]


def staged(context: Context, day: date, seen: Seen) -> Staged:
    """Take the records of the retailer's own customers as known on the day."""
    lake, hashes = context.lake, silver.with_hashes(context.lake)
    numbers = ["person", "source", "person_key", "kind", "scope", "code", "day", "blocked"]
    shown = lake.staging.take(identifiers(context, day, hashes).select(*numbers)).arrow()
    told = lake.staging.take(people(context, day).select("person", "raw")).arrow()
    order = np.argsort(shown["person"].to_numpy(), kind="stable")
    columns = {name: shown[name].to_numpy()[order] for name in ("person", "kind", "scope", "code", "day", "blocked")}
    # Here, since Spark would sort texts for it, which takes ten times as long.
    keys = shown.select(["source", "person_key"]).combine_chunks()
    records, values, first = assembled(columns, told["person"].to_numpy(), told["raw"].to_numpy(), seen.compared)
    return Staged(records, values, lambda at: keys.take(pa.array(order[first[at]])).to_pandas(), day, hashes, seen)


def assembled(columns: dict[str, Array], about: Array, told: Array, form: int) -> tuple[pa.Table, pd.DataFrame, Array]:
    """Group identifiers, which are in the order of persons, to records; `told` is what is told `about` persons, hashed.

    Returns `records` and `values` of Staged, and the first row of each record.
    """
    person, first = np.unique(columns.pop("person"), return_index=True)
    record = np.repeat(np.arange(len(person)), np.diff(np.append(first, len(columns["day"]))))
    known = np.minimum.reduceat(columns["day"], first) if len(first) else columns["day"]
    codes = {name: _newest(columns, record, len(person), KINDS.index(name)) for name in COMPARED}
    raw = np.zeros(len(person), np.int64)
    place = np.minimum(np.searchsorted(person, about), max(len(person) - 1, 0))
    there = person[place] == about if len(person) else np.zeros(len(about), bool)
    raw[place[there]] = told[there]
    records = pa.table({
        "person": person, "known_on": known,
        "raw": mixed([raw, *codes.values(), np.full(len(person), form)]),
        **{f"{name}_code": codes[name] for name in ("email", "phone")},
    })  # fmt: skip
    return records, pd.DataFrame({"record": record, **columns}).rename(columns={"code": "value"}), first


def _newest(columns: dict[str, Array], record: Array, records: int, kind: int) -> Array:
    """Code of the value of a kind that each record showed last, 0 for none."""
    rows = np.flatnonzero(columns["kind"] == kind)
    rows = rows[np.lexsort((columns["code"][rows], columns["day"][rows]))]
    found = np.zeros(records, np.int64)
    # Of several values for one place numpy keeps the last.
    found[record[rows]] = columns["code"][rows]
    return found


def _known(context: Context, rows: DataFrame, day: date) -> DataFrame:
    others = silver.parties(context.catalogue)
    rows = rows.where(f"recorded_on <= date'{day}' and (replaced_on is null or replaced_on > date'{day}')")
    return rows.where(~rows["source"].isin(others)) if others else rows


def people(context: Context, day: date) -> DataFrame:
    """What records say of their persons, with `raw`, the hash of it."""
    rows = _known(context, context.lake.table(context.catalogue.tables["people"]), day)
    made = rows.selectExpr(PERSON, *(f"{sql} as `{name}`" for name, sql in OF_PEOPLE.items()))
    compared = ", ".join(f"`{name}`, `{name}` is null" for name in OF_PEOPLE)
    return made.selectExpr("*", f"xxhash64({compared}) as raw")


def identifiers(context: Context, day: date, hashes: bool) -> DataFrame:
    """Identifiers that records show: the value, and all as whole numbers."""
    rows = _known(context, context.lake.table(context.catalogue.tables["identifiers"]), day)
    rows, salt = _unhashed(rows) if hashes else rows, quoted(salt_of(context.settings))
    kinds = ", ".join(quoted(kind) for kind in KINDS)
    same = normalise.same_sql("kind", "value")
    return rows.selectExpr(
        PERSON, "source", "person_key", "value", f"cast(array_position(array({kinds}), kind) - 1 as int) as kind",
        f"xxhash64({salt}, scope) as scope", f"xxhash64({salt}, kind, scope, {same}) as code",
        "cast(unix_date(recorded_on) as int) as day", f"{_blocked(context, context.catalogue.identity)} as blocked",
    )  # fmt: skip


def _blocked(context: Context, identity: Identity) -> str:
    """SQL of why a value names nobody, by its place in links.BLOCKED."""
    cases = []
    for kind, blocked in identity.blocked.items():
        is_kind = f"kind = {quoted(kind)} and"
        if blocked.values:
            cases.append(f"when {is_kind} value in ({', '.join(map(quoted, blocked.values))}) then 1")
        cases += [f"when {is_kind} value rlike {quoted(pattern)} then 2" for pattern in blocked.patterns]
        own = sorted(of_the_house(context, kind, blocked.masters))
        if own:
            cases.append(f"when {is_kind} value in ({', '.join(map(quoted, own))}) then 3")
    return f"cast(case {' '.join(cases)} else 0 end as int)" if cases else "0"


def blocked_values(context: Context, rows: pd.DataFrame) -> Array:
    """Why each value (columns kind, value) names nobody, by its place in links.BLOCKED, without Spark."""
    found = np.zeros(len(rows), np.int64)
    for kind, blocked in context.catalogue.identity.blocked.items():
        of_kind, values = (rows["kind"] == kind).to_numpy(), rows["value"].astype(str)
        looks = [values.isin(of_the_house(context, kind, blocked.masters))]
        looks += [values.map(re.compile(pattern).search).notna() for pattern in reversed(blocked.patterns)]
        places = [3, *(2 for _ in blocked.patterns), 1]
        for place, look in zip(places, [*looks, values.isin(blocked.values)], strict=True):
            found[of_kind & look.to_numpy()] = place
    return found


def of_the_house(context: Context, kind: str, masters: tuple[str, ...]) -> set[str]:
    """Phones of stores and staff as the masters tell them, whether still or formerly."""
    found: set[str] = set()
    for master in masters:
        table, _, column = master.partition(".")
        place = f"silver/{table}"
        if context.lake.exists(place):
            raw = {value for value in context.lake.values(place, column) if value}
            made = {normalise.normalise(kind, value, context.settings.region) for value in raw}
            found |= {value for value in made if value}
    return found


def _unhashed(identifiers: DataFrame) -> DataFrame:
    """Give a hashed phone or e-mail the clear value whose hash it is, where any record shows that in the clear."""
    from pyspark.sql import functions as F  # noqa: N812

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
