"""Rows of some records in silver, read where they lie, without Spark: what looks at few is done before Spark begins."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import pandas as pd
import pyarrow as pa
from pyarrow import compute as pc

from quanyu.discover import Catalogue
from quanyu.lake import Lake
from quanyu.run import Context

IDENTIFIERS, PEOPLE = "silver/identifiers", "silver/people"
KEYS = ["source", "person_key"]
HASHED = ("phone_sha256", "phone_md5", "email_sha256", "email_md5")
TODAY = pc.field("replaced_on").is_null()


def parties(catalogue: Catalogue) -> list[str]:
    """Feeds that tell of other parties' persons, who are nobody's customers."""
    return sorted(name for name, source in catalogue.sources.items() if source.party != "first")


def with_hashes(lake: Lake) -> bool:
    """Whether feeds show hashed phones or e-mails."""
    return lake.exists(IDENTIFIERS) and bool(set(HASHED) & lake.values(IDENTIFIERS, "kind"))


def known(context: Context, day: date) -> Any:
    """Condition on rows of the retailer's own persons as known on a day."""
    on = pa.scalar(day)
    there = (pc.field("recorded_on") <= on) & (pc.field("replaced_on").is_null() | (pc.field("replaced_on") > on))
    return there & ~pc.field("source").isin(pa.array(parties(context.catalogue), pa.string()))


def rows(lake: Lake, place: str, columns: Sequence[str], where: Any, keys: pa.Array) -> pd.DataFrame:
    """Rows under a condition whose person_key, which names the source too, is one of the keys; null for what lacks."""
    if not lake.exists(place):
        return pd.DataFrame(columns=list(columns), dtype=object)
    there = [name for name in columns if name in lake.arrow(place).schema.names]
    found = lake.rows(place, there, where & pc.field("person_key").isin(keys))
    frame: pd.DataFrame = found.to_pandas(date_as_object=False).reindex(columns=list(columns))
    return frame
