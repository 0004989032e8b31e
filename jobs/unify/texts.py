"""What records say of their persons, in the words that are compared: for many by Spark, for a few thousand without."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import compute as pc

from jobs.unify import records, silver
from jobs.unify.matching import fields
from jobs.unify.records import COMPARED, OF_PEOPLE, Staged
from quanyu.lake import Lake
from quanyu.model.people import KINDS
from quanyu.run import Context

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# Columns of silver/identifiers that tell what a record showed, and when; and of silver/people, what it said.
SHOWN = ["person_key", "kind", "value", "recorded_on"]
TOLD = ["person_key", "birthday", "birthday_told", *(name for name in OF_PEOPLE if name != "birthday")]


def by_spark(context: Context, files: Staged, wanted: DataFrame) -> DataFrame:
    """Texts (RAW) of the wanted records (rows with person), null where nobody told."""
    from pyspark.sql import functions as F  # noqa: N812

    numbers = wanted.select("person")
    kinds = ", ".join(str(KINDS.index(name)) for name in COMPARED)
    showing = records.identifiers(context, files.day, files.hashes).where(f"kind in ({kinds})")
    newest = [
        F.expr(f"max_by(value, struct(day, code)) filter (where kind = {KINDS.index(name)})").alias(name)
        for name in COMPARED
    ]
    showing = showing.join(numbers, "person", "left_semi").groupBy("person").agg(*newest)
    people = records.people(context, files.day).drop("raw").join(numbers, "person", "left_semi")
    return wanted.join(people, "person", "left").join(showing, "person", "left")


def here(context: Context, files: Staged, places: np.ndarray[Any, Any]) -> pa.Table | None:
    """The same without Spark, which would look at everybody: PASSED and RAW of records by their places.

    None where it takes Spark to tell: hashes, and several values that a record showed first on one day.
    """
    if files.hashes:
        return None
    known, keys = silver.known(context, files.day), pa.array(files.names(places)["person_key"], pa.string())
    compared = known & pc.field("kind").isin(list(COMPARED))
    shown = silver.rows(context.lake, silver.IDENTIFIERS, SHOWN, compared, keys)
    newest = shown[shown["recorded_on"] == shown.groupby(["person_key", "kind"])["recorded_on"].transform("max")]
    if newest.duplicated(["person_key", "kind"]).any():
        return None
    found = raw(people(context.lake, keys, known), newest)
    texts = [pa.array(found[name], pa.string()) for name in fields.RAW]
    wanted = files.records.take(pa.array(places))
    return pa.table([*(wanted[name] for name in fields.PASSED), *texts], names=[*fields.PASSED, *fields.RAW])


def people(lake: Lake, keys: pa.Array, known: Any) -> pd.DataFrame:
    """What records say of their persons, by person_key in the order of the keys; `known` chooses the rows that count.

    Columns are those of RAW that silver/people has, null where nobody told.
    """
    found = told(silver.rows(lake, silver.PEOPLE, TOLD, known, keys)).reindex(pd.Index(keys.to_pylist(), dtype=object))
    return found.mask(found.isna(), None)


def told(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of silver/people (TOLD) by person_key, in the columns that are compared, null where nobody told."""
    frame = rows.drop_duplicates("person_key").set_index("person_key")
    days = frame["birthday"].astype("datetime64[ms]").dt.strftime("%Y%m%d").astype(object)
    frame = frame.assign(birthday=days.where(days.notna(), frame["birthday_told"])).drop(columns="birthday_told")
    return frame.astype(object).mask(frame.isna(), None)


def raw(told: pd.DataFrame, shown: pd.DataFrame) -> pd.DataFrame:
    """All that is compared (RAW): of `people`, with the value of each compared kind that a record showed last."""
    last = shown.sort_values(["recorded_on", "value"]).drop_duplicates(["person_key", "kind"], keep="last")
    for kind in COMPARED:
        of = last[last["kind"] == kind].set_index("person_key")["value"]
        values = of.reindex(told.index).astype(object)
        told = told.assign(**{kind: values.mask(values.isna(), None)})
    return told[list(fields.RAW)]
