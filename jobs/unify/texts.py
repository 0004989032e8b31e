"""What records say of their persons, in the words that are compared: for many by Spark, for a few thousand without."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
from pyarrow import compute as pc

from jobs.unify.matching import fields
from jobs.unify.records import COMPARED, OF_PEOPLE, Staged, parties
from quanyu.model.people import KINDS
from quanyu.run import Context

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_NAMES = [name for name in OF_PEOPLE if name != "birthday"]


def by_spark(files: Staged, wanted: DataFrame) -> DataFrame:
    """Texts (RAW) of the wanted records (rows with person), null where nobody told."""
    from pyspark.sql import functions as F  # noqa: N812

    numbers = wanted.select("person")
    showing = files.identifiers.where(f"kind in ({', '.join(str(KINDS.index(name)) for name in COMPARED)})")
    newest = [
        F.expr(f"max_by(value, struct(day, code)) filter (where kind = {KINDS.index(name)})").alias(name)
        for name in COMPARED
    ]
    showing = showing.join(numbers, "person", "left_semi").groupBy("person").agg(*newest)
    people = files.people.drop("raw").join(numbers, "person", "left_semi")
    return wanted.join(people, "person", "left").join(showing, "person", "left")


def here(context: Context, files: Staged, wanted: pa.Table) -> pa.Table | None:
    """The same without Spark, which would look at everybody: PASSED and RAW of the wanted records (rows of `records`).

    None where it takes Spark to tell: hashes, and several values that a record showed first on one day.
    """
    if files.hashes or not context.lake.exists("silver/people"):
        return None
    shown = _shown(context, files, wanted)
    if shown is None:
        return None
    people = _read(context, files, "silver/people", ["birthday", "birthday_told", *_NAMES], _of(wanted))
    days = people["birthday"].astype("datetime64[ms]").dt.strftime("%Y%m%d").astype(object)
    people["birthday"] = days.where(days.notna(), people["birthday_told"])
    found = wanted.select([*fields.PASSED, "person_key"]).to_pandas().set_index("person_key")
    for table, names in ((people, ["birthday", *_NAMES]), (shown, COMPARED)):
        for name in names:
            found[name] = table[name].reindex(found.index).astype(object)
    texts = [pa.array(found[name].where(found[name].notna(), None), pa.string()) for name in fields.RAW]
    return pa.table([*(wanted[name] for name in fields.PASSED), *texts], names=[*fields.PASSED, *fields.RAW])


def _of(wanted: pa.Table) -> Any:
    return pc.field("person_key").isin(wanted["person_key"].combine_chunks())


def _read(context: Context, files: Staged, place: str, columns: list[str], chosen: Any) -> pd.DataFrame:
    """Rows as known on the day, by person_key, which names the source too."""
    dataset, day = context.lake.arrow(place), pa.scalar(files.day)
    known = (pc.field("recorded_on") <= day) & (pc.field("replaced_on").is_null() | (pc.field("replaced_on") > day))
    known = known & ~pc.field("source").isin(pa.array(parties(context), pa.string())) & chosen
    there = [name for name in columns if name in dataset.schema.names]
    frame: pd.DataFrame = dataset.to_table(columns=["person_key", *there], filter=known).to_pandas(date_as_object=False)
    return frame.set_index("person_key").reindex(columns=columns)


def _shown(context: Context, files: Staged, wanted: pa.Table) -> pd.DataFrame | None:
    """The value of each compared kind that a record showed last."""
    chosen = _of(wanted) & pc.field("kind").isin(list(COMPARED))
    rows = _read(context, files, "silver/identifiers", ["kind", "value", "recorded_on"], chosen).reset_index()
    newest = rows.groupby(["person_key", "kind"], sort=False)["recorded_on"].transform("max")
    last = rows[rows["recorded_on"] == newest]
    if last.duplicated(["person_key", "kind"]).any():
        return None
    made = {kind: part.set_index("person_key")["value"] for kind, part in last.groupby("kind")}
    return pd.DataFrame({kind: made.get(kind, pd.Series(dtype=object)) for kind in COMPARED}, dtype=object)
