"""Current persons of a home: look one up, and explain its links."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import compute as pc

from jobs.unify.ids import publish
from jobs.unify.ids.assignment import Log
from jobs.unify.matching import name_match
from jobs.unify.matching.comparison import COLUMNS
from jobs.unify.records import match_state, reader
from quanyu.engine.guard import guard
from quanyu.errors import ConfigError
from quanyu.identifiers import normalise
from quanyu.model.people import KINDS
from quanyu.point_in_time import as_of
from quanyu.run.runner import Context

Array = np.ndarray[Any, Any]
_ID = re.compile(r"c[a-z2-7]{16}")
# Shortest accepted prefix of a person_key.
LEAST_KEY = 6


class RecordKey(NamedTuple):
    """One record of a person in a feed."""

    source: str
    person_key: str

    def __str__(self) -> str:
        return f"{self.source}/{self.person_key}"


class Directory:
    """Current records, identifiers and ids of a home."""

    def __init__(self, context: Context) -> None:
        self.context, self.lake = context, context.lake

    @cached_property
    def identifiers(self) -> pa.Table:
        """Current identifiers, with the columns of records.identifiers. Raises ConfigError before the first day."""
        self.check_exists()
        with guard("identities"):
            return reader.identifiers(self.context, None).toArrow()

    def check_exists(self) -> None:
        """Raise ConfigError before the first day."""
        if not self.lake.exists(reader.IDENTIFIERS):
            raise ConfigError("nobody is known yet; run a day first: quanyu run --day DAY")

    @cached_property
    def log(self) -> Log:
        """The id log."""
        return publish.read_log(self.context)

    @cached_property
    def current_ids(self) -> pd.DataFrame:
        """Current id of each record: source, person_key, person, customer_id."""
        return self.log.last[["source", "person_key", "person", "customer_id"]].reset_index(drop=True)

    def redirect(self, customer: str) -> str:
        """The id that an ended one was merged into; itself where it is current. Raises ConfigError."""
        if customer in set(self.current_ids["customer_id"]):
            return customer
        if customer not in self._redirects:
            raise ConfigError(f"there is no customer {customer!r}, and none of this id was merged into another")
        return self._redirects[customer]

    @cached_property
    def _redirects(self) -> dict[str, str]:
        return as_of.redirects(self.lake)

    def former(self, customer: str) -> list[str]:
        """Ids that were merged into this customer."""
        return sorted(ended for ended, into in self._redirects.items() if into == customer)

    def customer_of(self, record: RecordKey) -> str | None:
        """The id of a record, None where it has none."""
        return self.customers_of([record]).get(record)

    def customers_of(self, records: Iterable[RecordKey]) -> dict[RecordKey, str]:
        """The ids of records, without those that have none."""
        some = set(records)
        rows = self.current_ids[self.current_ids["person_key"].isin({record.person_key for record in some})]
        keys = map(RecordKey, rows["source"], rows["person_key"])
        return {key: customer for key, customer in zip(keys, rows["customer_id"], strict=True) if key in some}

    def of_customer(self, customer: str) -> list[RecordKey]:
        """Current records of a customer."""
        rows = self.current_ids[self.current_ids["customer_id"] == customer]
        identifiers = self.rows_of([RecordKey(*key) for key in zip(rows["source"], rows["person_key"], strict=True)])
        return sorted({RecordKey(*key) for key in zip(identifiers["source"], identifiers["person_key"], strict=True)})

    def rows_of(self, keys: Iterable[RecordKey]) -> pd.DataFrame:
        """Identifiers of records."""
        keys = list(keys)
        table = self.identifiers.filter(
            pc.is_in(self.identifiers["person_key"], pa.array([r.person_key for r in keys], pa.string()))
        )
        frame = table.to_pandas()
        index = pd.MultiIndex.from_tuples([tuple(r) for r in keys], names=["source", "person_key"])
        rows: pd.DataFrame = frame[pd.MultiIndex.from_frame(frame[["source", "person_key"]]).isin(index)]
        return rows.reset_index(drop=True)

    def records_with_value(self, values: Collection[str], kinds: Collection[str] = KINDS) -> list[RecordKey]:
        """Records with one of these values, as one of the kinds."""
        table = self.identifiers.filter(pc.is_in(self.identifiers["value"], pa.array(sorted(values), pa.string())))
        table = table.filter(pc.is_in(table["kind"], pa.array(sorted(kinds), pa.string())))
        keys = table.select(["source", "person_key"]).to_pandas().drop_duplicates()
        return sorted(RecordKey(*key) for key in keys.itertuples(index=False))

    def raw(self, keys: Sequence[RecordKey]) -> pd.DataFrame:
        """Compared fields of records, as the step reads them: COLUMNS by record, in order, null where absent."""
        rows = reader.read_records(self.context, None)
        with guard("identities"):
            frame = rows.where(rows["person_key"].isin([record.person_key for record in keys])).toArrow().to_pandas()
        frame = frame.set_index(reader.KEYS)[list(COLUMNS)]
        index = pd.MultiIndex.from_tuples([tuple(record) for record in keys], names=reader.KEYS)
        texts: pd.DataFrame = frame.reindex(index).astype(object)
        return texts.mask(texts.isna(), None)

    @cached_property
    def _persons(self) -> pd.Series:
        rows = self.identifiers.select([*reader.KEYS, "person"]).group_by([*reader.KEYS, "person"]).aggregate([])
        persons: pd.Series = rows.to_pandas().set_index(reader.KEYS)["person"]
        return persons

    def persons(self, keys: Iterable[RecordKey]) -> Array:
        """Numbers of records (int64), 0 for absent ones."""
        index = pd.MultiIndex.from_tuples([tuple(key) for key in keys], names=reader.KEYS)
        return self._persons.reindex(index, fill_value=0).to_numpy(np.int64)

    def find(self, text: str) -> list[RecordKey]:
        """Records that a text identifies: a customer id, also a former one, source/key, an identifier, or a name.

        Raises ConfigError where nothing matches. The message does not repeat the text: it may be personal.
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
                raise ConfigError(f"{len(keys)} records of {source} have a key that begins so; give more of it")
            if keys:
                return [RecordKey(source, keys[0])]
        kind, _, value = text.partition("=")
        kinds, value = ((kind,), value) if kind in KINDS and value else (KINDS, text)
        matches = self.records_with_value(
            self._forms(kinds, value), {*kinds, *(h for h in reader.HASHED if h[:5] in kinds)}
        )
        matches = matches or self._named(text)
        if not matches:
            raise ConfigError("no record matches; give a customer id, source/key, an identifier as it was delivered"
                              " (13812345678, member=M000123), or a complete name")  # fmt: skip
        return matches

    def _named(self, text: str) -> list[RecordKey]:
        """Records with this name, in either order of its parts and either script of Chinese; as of the last run."""
        salt = reader.salt_of(self.context.settings)
        code = int(name_match.name_codes([name_match.parsed(None, None, text)], salt)[0])
        if not code:
            return []
        if self.lake.exists(match_state.RECORDS):
            persons = match_state.persons_with_name(self.lake, code)
            chosen = self._persons[self._persons.isin(persons)]
        else:
            keys = [RecordKey(*key) for key in self._persons.index]
            chosen = self._persons[name_match.name_codes(name_match.names_of(self.raw(keys)), salt) == code]
        return sorted(RecordKey(*key) for key in chosen.index)

    def _forms(self, kinds: Iterable[str], value: str) -> set[str]:
        """A value as it would be stored, by each kind that accepts it, and its hashes."""
        forms: set[str] = set()
        for kind in kinds:
            normalised = normalise.normalise(kind, value, self.context.settings.region)
            if normalised:
                forms |= {
                    normalise.comparison_form(kind, normalised),
                    *(form for _, form in normalise.hashes(kind, normalised)),
                }
        return forms
