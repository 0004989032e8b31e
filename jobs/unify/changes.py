"""Records of a day out of what the last run knew and what changed in silver since, read where it lies."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import compute as pc

from jobs.unify import memory, normalise, numbers, silver, texts
from jobs.unify.identities import Log
from jobs.unify.memory import Memory, Seen
from jobs.unify.records import OF_PEOPLE, Names, Staged, assembled, blocked_values, salt_of
from quanyu.lake import changes as lake_changes
from quanyu.model.people import KINDS
from quanyu.run import Context

Array = np.ndarray[Any, Any]
EPOCH = date(1970, 1, 1)
# Of more records Spark takes all sooner.
MOST = 200_000


def staged(context: Context, day: date, seen: Seen, known: Memory, log: Log) -> Staged | None:
    """Records of a day, what is known of most remembered; None where too much is other than it was, or unknown.

    Hashed values take Spark too: the clear value of one may lie anywhere.
    """
    before = known.seen
    if before is None or before.form != seen.form or before.day > seen.day or silver.with_hashes(context.lake):
        return None
    changed = _changed(context, before, day)
    if changed is None or len(changed) > MOST:
        return None
    known_on, keys = silver.known(context, day), pa.array(changed["person_key"], pa.string())
    columns = [*silver.KEYS, "kind", "scope", "value", "recorded_on"]
    shown = _numbers(context, silver.rows(context.lake, silver.IDENTIFIERS, columns, known_on, keys))
    told = texts.told(silver.rows(context.lake, silver.PEOPLE, texts.TOLD, known_on, keys))
    changed = changed.set_index(numbers.persons(changed["source"], changed["person_key"]))
    rows, values = _joined(known, changed, shown, _compared(told, changed), seen)
    return Staged(rows, values, _names(context, log, changed, rows), day, False, seen)


def _changed(context: Context, before: Seen, day: date) -> pd.DataFrame | None:
    """Records (silver.KEYS) of which anything came, went or changed since the last run, or begins or ends to hold."""
    found = []
    since, until = (pa.scalar(on) for on in (EPOCH + timedelta(days=before.day), day))
    for place, version in ((silver.IDENTIFIERS, before.identifiers), (silver.PEOPLE, before.people)):
        if version < 0 or not context.lake.exists(place):
            return None
        told = lake_changes.changed(context.lake.path(place), version, silver.KEYS)
        if told is None:
            return None
        held = [(pc.field(name) > since) & (pc.field(name) <= until) for name in ("recorded_on", "replaced_on")]
        found += [told, context.lake.rows(place, silver.KEYS, held[0] | held[1])]
    frame: pd.DataFrame = pd.concat([table.to_pandas() for table in found], ignore_index=True).drop_duplicates()
    own: pd.DataFrame = frame[~frame["source"].isin(silver.parties(context.catalogue))]
    return own


def _numbers(context: Context, rows: pd.DataFrame) -> dict[str, Array]:
    """Identifiers as the whole numbers that Spark makes of them, as records.identifiers has them."""
    kinds, salt = rows["kind"].tolist(), [salt_of(context.settings)] * len(rows)
    same = [normalise.same(kind, value) for kind, value in zip(kinds, rows["value"], strict=True)]
    days = rows["recorded_on"].astype("datetime64[ms]").to_numpy().astype("datetime64[D]")
    return {
        "person": numbers.persons(rows["source"], rows["person_key"]),
        "kind": np.array([KINDS.index(kind) for kind in kinds], np.int32),
        "scope": numbers.hashed(salt, rows["scope"]), "code": numbers.hashed(salt, kinds, rows["scope"], same),
        "day": days.astype(np.int32), "blocked": blocked_values(context, rows).astype(np.int32),
    }  # fmt: skip


def _compared(told: pd.DataFrame, changed: pd.DataFrame) -> pd.Series:
    """Hash of what is told of persons, by their numbers, as records.people has it."""
    columns = [column for name in OF_PEOPLE for column in (told[name], told[name].isna())]
    person = pd.Series(changed.index, changed["person_key"]).reindex(told.index)
    return pd.Series(numbers.hashed(*columns), person.to_numpy(np.int64))


def _joined(
    known: Memory, changed: pd.DataFrame, shown: dict[str, Array], told: pd.Series, seen: Seen
) -> tuple[pa.Table, pd.DataFrame]:
    """`records` and `values` of Staged: as remembered, but of the changed persons what they show now."""
    kept = ~np.isin(known.person, changed.index.to_numpy())
    rows = memory.unpacked(known.shown.filter(pa.array(kept))).rename(columns={"value": "code"})
    rows = rows.assign(person=known.person[kept][rows["record"].to_numpy()])
    columns = {name: np.concatenate([rows[name].to_numpy(), shown[name]]) for name in shown}
    order = np.argsort(columns["person"], kind="stable")
    records, values, _ = assembled(
        {name: column[order] for name, column in columns.items()}, told.index.to_numpy(), told.to_numpy(), seen.compared
    )
    place, there = known.at(records["person"].to_numpy())
    there &= kept[place] if len(kept) else False
    raw = records["raw"].to_numpy().copy()
    raw[there] = known.columns["raw"][place[there]]
    return records.set_column(records.column_names.index("raw"), "raw", pa.array(raw)), values


def _names(context: Context, log: Log, changed: pd.DataFrame, records: pa.Table) -> Names:
    """Records are called as the log or their change tells; of those that never had an id, silver is asked."""
    person = records["person"].to_numpy()
    sources: list[Callable[[], pd.DataFrame]] = [lambda: changed, lambda: _everybody(context)]

    def names(at: Array) -> pd.DataFrame:
        wanted = person[at]
        found = log.keys.reindex(wanted).reset_index(drop=True)
        for told in sources:
            lacking = np.flatnonzero(found["source"].isna())
            if len(lacking):
                found.iloc[lacking] = told().reindex(wanted[lacking]).to_numpy()
        return found

    return names


def _everybody(context: Context) -> pd.DataFrame:
    table = context.lake.arrow(silver.IDENTIFIERS).to_table(columns=silver.KEYS)
    frame: pd.DataFrame = table.group_by(silver.KEYS).aggregate([]).to_pandas()[silver.KEYS]
    return frame.set_index(numbers.persons(frame["source"], frame["person_key"]))
