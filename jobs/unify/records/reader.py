"""Source records of persons as of a day: the fields that are compared, and their identifiers as integer codes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import compute as pc

from jobs.unify.matching.comparison import COLUMNS
from jobs.unify.matching.comparison import IDENTIFIERS as COMPARED
from jobs.unify.matching.fields import PASSED
from quanyu.config.settings import Settings, person_key_secret
from quanyu.discover import Catalogue
from quanyu.identifiers import normalise
from quanyu.identifiers.comparable import comparison_form_sql, hashable_spellings_sql
from quanyu.identifiers.valid import AS_KNOWN, NOW, current_identifiers, repeat_for_days
from quanyu.lake import staging
from quanyu.literals import quoted
from quanyu.model.people import KINDS
from quanyu.run.runner import Context

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

Array = np.ndarray[Any, Any]
IDENTIFIERS, PEOPLE = "silver/identifiers", "silver/people"
KEYS = ["source", "person_key"]
HASHES = {"sha256": "sha2(text, 256)", "md5": "md5(text)"}
HASHED = tuple(f"{kind}_{name}" for kind in ("phone", "email") for name in HASHES)
BIRTHDAY = "coalesce(date_format(birthday, 'yyyyMMdd'), birthday_told)"
PERSON = "xxhash64(source, person_key) as person"
# Columns of links.Shown, in sort order.
SHOWN = ["record", "kind", "scope", "value", "day", "blocked", "tie"]


@dataclass(frozen=True)
class DayRecords:
    """Records of a day, sorted by their number `person`, and the identifiers on them.

    `table` has person, known_on (days since 1970), raw (hash of all compared fields), email_code, phone_code, source
    and person_key. `identifiers` has the rows of edges.IdentifierRows. `texts` are the same records in the engine's
    staging files, with all compared fields (COLUMNS); `rows` (records, int64) is the row of each record in these files.
    """

    table: pa.Table
    identifiers: pd.DataFrame
    texts: staging.StagedRows
    rows: Array

    def names(self, at: Array) -> pd.DataFrame:
        """Source and person_key of the records at positions `at` (int64)."""
        frame: pd.DataFrame = self.table.select(KEYS).take(pa.array(at)).to_pandas()
        return frame

    def find(self, records: Sequence[tuple[str, str]]) -> Array:
        """Positions (int64) of records by source and person_key; -1 where a record is absent."""
        keys = pa.array([key for _, key in records], pa.string())
        candidates = np.flatnonzero(pc.is_in(self.table["person_key"], keys))
        place = dict(zip(self.names(candidates).itertuples(index=False, name=None), candidates.tolist(), strict=True))
        return np.array([place.get(tuple(record), -1) for record in records], np.int64)

    def compared_columns(self, chosen: Array) -> pa.Table:
        """Compared columns (PASSED and COLUMNS) of the chosen records (positions or a mask), sorted by person."""
        mask = np.zeros(len(self.rows), bool)
        mask[self.rows[chosen]] = True
        columns, parts, first = [*PASSED, *COLUMNS], [], 0
        for batch in self.texts.dataset().to_batches(columns=columns):
            parts.append(batch.filter(pa.array(mask[first : first + len(batch)])))
            first += len(batch)
        return pa.Table.from_batches(parts).sort_by("person")


def salt_of(settings: Settings) -> str:
    """Sixteen characters that key every hash of the identity tables, derived from the home's secret."""
    return hashlib.sha256(b"identity/" + person_key_secret(settings)).hexdigest()[:16]


def third_party_feeds(catalogue: Catalogue) -> list[str]:
    """Feeds about persons of other parties, who are not our customers."""
    return sorted(name for name, source in catalogue.sources.items() if source.party != "first")


def stage_records(context: Context, day: date) -> DayRecords:
    """Stage the records of the retailer's own customers as known on the day."""
    take = context.lake.staging.stage
    texts = take(read_records(context, day))
    columns = ["person", "known_on", "raw", "email_code", "phone_code", *KEYS]
    table = texts.dataset().to_table(columns=columns)
    rows = np.argsort(table["person"].to_numpy(), kind="stable")
    table = table.take(pa.array(rows)).combine_chunks()
    kinds = ", ".join(map(quoted, [*context.catalogue.identity.blocked, ""]))
    shown = take(identifiers(context, day).selectExpr(
        "person", "kind_code", "scope_code", "code", "tie", "cast(unix_date(recorded_on) as int) as day",
        f"if(kind in ({kinds}), told, null) as told",
    )).arrow()  # fmt: skip
    return DayRecords(table, _shown_rows(context, table["person"].to_numpy(), shown), texts, rows)


def _shown_rows(context: Context, person: Array, table: pa.Table) -> pd.DataFrame:
    """Rows of links.Shown in one order, whatever the order of the engine's rows."""
    kind = table["kind_code"].to_numpy()
    columns = [np.searchsorted(person, table["person"].to_numpy()), kind, table["scope_code"].to_numpy(),
               table["code"].to_numpy(), table["day"].to_numpy(), reasons_blocked(context, kind, table["told"]),
               table["tie"].to_numpy()]  # fmt: skip
    order = np.lexsort(columns[::-1])
    return pd.DataFrame({name: column[order] for name, column in zip(SHOWN, columns, strict=True)})


def _own_rows(context: Context, name: str, day: date | None) -> DataFrame:
    others = third_party_feeds(context.catalogue)
    days = [day or NOW]
    if name == "identifiers":
        rows = current_identifiers(context.lake, context.catalogue, *days)
    else:
        rows = repeat_for_days(context.lake.table(context.catalogue.tables[name]), days).where(AS_KNOWN)
    return rows.where(~rows["source"].isin(others)) if others else rows


def read_records(context: Context, day: date | None) -> DataFrame:
    """Records as known on a day, or now, one row each: the columns of Staged.table, and COLUMNS.

    Of several values of a kind, the newest one of the record is compared.
    """
    from pyspark.sql import functions as F  # noqa: N812

    # Read first: before a session is open, pyspark builds expressions for another kind of session.
    rows = identifiers(context, day)
    # One string: a struct would cost each group the memory of its whole batch. No identifier contains the separator.
    newest = "max(concat_ws(chr(1), cast(recorded_on as string), told, scope))"
    last = [F.expr(f"{newest} filter (where kind = '{name}')").alias(f"_{name}") for name in COMPARED]
    by_record = rows.groupBy(*KEYS).agg(F.expr("min(recorded_on)").alias("_known"), *last)
    people = _own_rows(context, "people", day)
    of_people = {name: f"`{name}`" for name in COLUMNS if name not in COMPARED} | {"birthday": BIRTHDAY}
    people = people.selectExpr(*KEYS, *(f"{sql} as `{name}`" for name, sql in of_people.items()))
    parts = [f"split_part(_{name}, chr(1), 2) as {name}" for name in COMPARED]
    frame = by_record.join(people, KEYS, "left").selectExpr("*", *parts)
    codes = {name: _code(context, quoted(name), f"split_part(_{name}, chr(1), 3)", name) for name in COMPARED}
    frame = frame.selectExpr("*", *(f"if({name} is null, 0L, {sql}) as {name}_code" for name, sql in codes.items()))
    compared = [*(f"`{name}`, `{name}` is null" for name in COLUMNS), *(f"{name}_code" for name in codes)]
    return frame.selectExpr(
        PERSON, "cast(unix_date(_known) as int) as known_on", f"xxhash64({', '.join(compared)}) as raw", "email_code",
        "phone_code", *KEYS, *(f"`{name}`" for name in COLUMNS),
    )  # fmt: skip


def identifiers(context: Context, day: date | None) -> DataFrame:
    """Identifiers on records, as known on a day, or now.

    `told` is the value as delivered, `value` the form that is compared; a hash becomes the clear value where any record
    has that. kind_code, scope_code and code are integers; `tie` is one that does not depend on the home's key.
    """
    rows = _own_rows(context, "identifiers", day).select(*KEYS, "kind", "scope", "value", "recorded_on")
    hashed = context.lake.exists(IDENTIFIERS) and set(HASHED) & context.lake.values(IDENTIFIERS, "kind")
    rows = _with_clear_values(rows) if hashed else rows
    kinds = ", ".join(quoted(kind) for kind in KINDS)
    return rows.selectExpr(
        PERSON, *KEYS, "kind", f"cast(array_position(array({kinds}), kind) - 1 as int) as kind_code", "scope",
        f"xxhash64({quoted(salt_of(context.settings))}, scope) as scope_code", "value as told",
        f"{comparison_form_sql('kind', 'value')} as value", f"{_code(context, 'kind', 'scope', 'value')} as code",
        "xxhash64(kind, scope, value) as tie", "recorded_on",
    )  # fmt: skip


def _code(context: Context, kind: str, scope: str, value: str) -> str:
    """SQL of the integer code of a value, from SQL of its kind, scope and value."""
    return f"xxhash64({quoted(salt_of(context.settings))}, {kind}, {scope}, {comparison_form_sql(kind, value)})"


def reasons_blocked(context: Context, kinds: Array, values: pa.ChunkedArray) -> Array:
    """Why each value identifies nobody, as an index into links.BLOCKED (int64); `kinds` are indexes into KINDS.

    Patterns are matched in Python, because engines differ in their regular expressions.
    """
    reasons = np.zeros(len(kinds), np.int64)
    for kind, rule in context.catalogue.identity.blocked.items():
        house = pa.array(sorted(staff_and_store_phones(context, kind, rule.masters)), pa.string())
        looks = [(3, pc.is_in(values, house))]
        looks += [(2, pc.match_substring_regex(values, pattern)) for pattern in rule.patterns]
        listed = pa.array([*rule.values, *_normalised(context, kind, rule.values)], pa.string())
        looks += [(1, pc.is_in(values, listed))]
        for place, look in looks:
            reasons[(kinds == KINDS.index(kind)) & look.fill_null(False).to_numpy(zero_copy_only=False)] = place
    return reasons


def staff_and_store_phones(context: Context, kind: str, masters: tuple[str, ...]) -> set[str]:
    """Current and former phones of stores and staff, from the master tables."""
    phones: set[str] = set()
    for master in masters:
        table, _, column = master.partition(".")
        place = f"silver/{table}"
        if context.lake.exists(place):
            phones.update(_normalised(context, kind, filter(None, context.lake.values(place, column))))
    return phones


def _normalised(context: Context, kind: str, values: Iterable[str]) -> list[str]:
    normalised = {normalise.normalise(kind, value, context.settings.region) for value in values}
    return sorted(value for value in normalised if value)


def _with_clear_values(identifiers: DataFrame) -> DataFrame:
    """Replace a hashed phone or e-mail by the clear value with this hash, where any record has that."""
    from pyspark.sql import functions as F  # noqa: N812

    clear = identifiers.where("kind in ('phone', 'email')").select("kind", "value").distinct()
    texts = clear.selectExpr(
        "kind as clear_kind", "value as clear", f"explode({hashable_spellings_sql('kind', 'value')}) as text"
    )
    hashes = ", ".join(f"struct(concat(clear_kind, '_{name}') as kind, {sql} as value)" for name, sql in HASHES.items())
    by_hash = texts.selectExpr("clear_kind", "clear", f"inline(array({hashes}))")
    # Where two clear values have one hash, the smallest is used.
    by_hash = by_hash.groupBy("kind", "value").agg(
        F.expr("min(clear_kind)").alias("clear_kind"), F.expr("min(clear)").alias("clear")
    )
    joined = identifiers.join(by_hash, ["kind", "value"], "left")
    return joined.selectExpr(
        *KEYS, "coalesce(clear_kind, kind) as kind", "scope", "coalesce(clear, value) as value", "recorded_on"
    )
