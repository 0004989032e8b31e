"""The persons of a home as they lie in the lake, read without Spark: to look one up, and to say why."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import compute as pc

from jobs.unify import normalise, numbers, publish, silver, texts
from jobs.unify.identities import Log
from quanyu import asof
from quanyu.errors import ConfigError
from quanyu.model.people import KINDS
from quanyu.run import Context

Array = np.ndarray[Any, Any]
_ID = re.compile(r"c[a-z2-7]{16}")
# So much of a person's key tells it from all others on a screen.
LEAST_KEY = 6


class Record(NamedTuple):
    """One record of a person in a feed."""

    source: str
    person_key: str

    def __str__(self) -> str:
        return f"{self.source}/{self.person_key}"


class Directory:
    """Records, identifiers and ids of a home, as they stand."""

    def __init__(self, context: Context) -> None:
        self.context, self.lake = context, context.lake
        self._others = pa.array(silver.parties(context.catalogue), pa.string())

    @cached_property
    def identifiers(self) -> pa.Table:
        """Identifiers of today: source, person_key, kind, scope, value (as it is compared), recorded_on, told.

        `told` is the value as it was told; one that was told hashed is clear where any record shows it so.
        """
        columns = ["source", "person_key", "kind", "scope", "value", "recorded_on"]
        table = self._today(silver.IDENTIFIERS, columns)
        hashed = pc.is_in(table["kind"], pa.array(silver.HASHED))
        return self._same(self._unhashed(table) if pc.any(hashed).as_py() else table)

    def _same(self, table: pa.Table) -> pa.Table:
        kinds, values = table["kind"].to_pylist(), table["value"].to_pylist()
        made = [normalise.same(kind, value) for kind, value in zip(kinds, values, strict=True)]
        table = table.append_column("told", table["value"])
        return table.set_column(table.column_names.index("value"), "value", pa.array(made, pa.string()))

    def _today(self, place: str, columns: list[str]) -> pa.Table:
        if not self.lake.exists(place):
            raise ConfigError(f"{place} is not there yet; run a day first: quanyu run --day DAY")
        table = self.lake.rows(place, columns, silver.TODAY)
        return table.filter(pc.invert(pc.is_in(table["source"], self._others)))

    def _unhashed(self, table: pa.Table) -> pa.Table:
        frame = table.to_pandas()
        clear = frame.loc[frame["kind"].isin(("phone", "email")), ["kind", "value"]].drop_duplicates()
        known = {form: (kind, value) for kind, value in clear.itertuples(index=False)
                 for form in normalise.hashes(kind, value)}  # fmt: skip
        hashed = frame["kind"].isin(silver.HASHED)
        for row in frame[hashed].itertuples():
            kind, value = known.get((row.kind, row.value), (row.kind, row.value))
            frame.loc[row.Index, ["kind", "value"]] = kind, value
        return pa.Table.from_pandas(frame, table.schema, preserve_index=False)

    @cached_property
    def log(self) -> Log:
        """The log of ids."""
        return publish.read_log(self.context)

    @cached_property
    def held(self) -> pd.DataFrame:
        """Who holds which id: source, person_key, person, customer_id."""
        return self.log.last[["source", "person_key", "person", "customer_id"]].reset_index(drop=True)

    def redirect(self, customer: str) -> str:
        """The id that goes on where this one ended in a merge; itself where it did not. Raises ConfigError."""
        if customer in set(self.held["customer_id"]):
            return customer
        if customer not in self._redirects:
            raise ConfigError(f"there is no customer {customer!r}, and there was none that became another")
        return self._redirects[customer]

    @cached_property
    def _redirects(self) -> dict[str, str]:
        return asof.redirects(self.lake)

    def former(self, customer: str) -> list[str]:
        """Ids that lead to this customer now."""
        return sorted(one for one, into in self._redirects.items() if into == customer)

    def customer_of(self, record: Record) -> str | None:
        """The id that a record holds."""
        held = self.held
        found = held.loc[(held["source"] == record.source) & (held["person_key"] == record.person_key), "customer_id"]
        return str(found.iloc[0]) if len(found) else None

    def of_customer(self, customer: str) -> list[Record]:
        """Records of today that hold an id."""
        held = self.held[self.held["customer_id"] == customer]
        there = self.rows_of([Record(*key) for key in zip(held["source"], held["person_key"], strict=True)])
        return sorted({Record(*key) for key in zip(there["source"], there["person_key"], strict=True)})

    def rows_of(self, found: Iterable[Record]) -> pd.DataFrame:
        """Identifiers of records."""
        found = list(found)
        table = self.identifiers.filter(
            pc.is_in(self.identifiers["person_key"], pa.array([r.person_key for r in found], pa.string()))
        )
        frame = table.to_pandas()
        wanted = pd.MultiIndex.from_tuples([tuple(r) for r in found], names=["source", "person_key"])
        rows: pd.DataFrame = frame[pd.MultiIndex.from_frame(frame[["source", "person_key"]]).isin(wanted)]
        return rows.reset_index(drop=True)

    def bearers(self, values: Collection[str], kinds: Collection[str] = KINDS) -> list[Record]:
        """Records that show one of these values, as one of the kinds."""
        table = self.identifiers.filter(pc.is_in(self.identifiers["value"], pa.array(sorted(values), pa.string())))
        table = table.filter(pc.is_in(table["kind"], pa.array(sorted(kinds), pa.string())))
        keys = table.select(["source", "person_key"]).to_pandas().drop_duplicates()
        return sorted(Record(*key) for key in keys.itertuples(index=False))

    def people(self, found: Iterable[Record]) -> pd.DataFrame:
        """What records say of their persons, by source and person_key, in the columns that are compared."""
        found = list(found)
        told = self._people(found)
        return told.set_axis(pd.MultiIndex.from_tuples([tuple(r) for r in found], names=["source", "person_key"]))

    def _people(self, found: Sequence[Record]) -> pd.DataFrame:
        keys = pa.array([record.person_key for record in found], pa.string())
        return texts.people(self.lake, keys, silver.TODAY)

    def raw(self, keys: Sequence[Record]) -> pd.DataFrame:
        """What is compared of records, as the step takes it: fields.RAW by record, in order."""
        rows = self.rows_of(keys)
        return texts.raw(self._people(keys), rows.assign(value=rows["told"]))

    def persons(self, keys: Iterable[Record]) -> Array:
        """Numbers of records."""
        found = list(keys)
        return numbers.persons([key.source for key in found], [key.person_key for key in found])

    def find(self, text: str) -> list[Record]:
        """Records that a value names: a customer id, also a former one, source/key, or an identifier of any kind.

        Raises ConfigError where nothing answers to it. The value is not told again: it may be personal.
        """
        text = text.strip()
        if _ID.fullmatch(text):
            return self.of_customer(self.redirect(text))
        source, _, key = text.partition("/")
        if source in self.context.catalogue.sources and len(key) >= LEAST_KEY:
            table = self.identifiers.filter(pc.equal(self.identifiers["source"], source))
            table = table.filter(pc.starts_with(table["person_key"], pattern=key))
            keys = sorted(set(table["person_key"].to_pylist()))
            if len(keys) > 1:
                raise ConfigError(f"{len(keys)} records of {source} begin so; give more of the key")
            if keys:
                return [Record(source, keys[0])]
        kind, _, value = text.partition("=")
        kinds, value = ((kind,), value) if kind in KINDS and value else (KINDS, text)
        found = self.bearers(self._forms(kinds, value), {*kinds, *(h for h in silver.HASHED if h[:5] in kinds)})
        if not found:
            raise ConfigError("no record answers to this; give a customer id, source/key, or an identifier as it was"
                              " told: 13812345678, member=M000123")  # fmt: skip
        return found

    def _forms(self, kinds: Iterable[str], value: str) -> set[str]:
        """A value as it would lie there, by each kind that takes it, and hashed."""
        found: set[str] = set()
        for kind in kinds:
            made = normalise.normalise(kind, value, self.context.settings.region)
            if made:
                found |= {normalise.same(kind, made), *(form for _, form in normalise.hashes(kind, made))}
        return found
