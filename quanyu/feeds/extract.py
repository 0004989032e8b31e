"""Extract: a database table that is copied into the source's path before the source is read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Any

from pydantic import Field, field_validator

from quanyu.config.sections import SecretRef
from quanyu.grammar.bounds import LONGEST_DAYS, StrictModel
from quanyu.grammar.declaration import DaysText, days_in

_NAME = r"[^\W\d][\w$]*"
_PATH = re.compile(r"(?P<folder>[^*?\[{]*\{day(?::(?P<format>[^}/]+))?\}[^*?\[{]*)/\*\.parquet")


class Extracts(StrictModel):
    """Rows of one table or view: all, or those changed since the last extract. `reads.columns` limits the columns.

    Names are written as in the database, and are quoted in its SQL.
    """

    url: SecretRef = Field(
        min_length=1,
        description="reference to the address, KIND://HOST:PORT/DATABASE",
    )
    user: SecretRef = Field("", description="reference to the name of the login")
    password: SecretRef = Field("", description="reference to its password")
    table: str = Field(description="table or view, as `schema.table`")
    watermark: str | None = Field(None, description="time that grows with every change of a row; without it, all rows")
    overlap: int = Field(
        1, ge=1, le=LONGEST_DAYS, description="days before the last watermark from which on rows are taken once more"
    )

    @field_validator("table")
    @classmethod
    def _names(cls, value: str) -> str:
        if not re.fullmatch(rf"{_NAME}(\.{_NAME}){{0,2}}", value):
            raise ValueError("a table or view is written as `schema.table`; for anything else make a view of it")
        return value

    @field_validator("watermark")
    @classmethod
    def _one_name(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(_NAME, value):
            raise ValueError("the name of one column is wanted")
        return value

    @field_validator("overlap", mode="before", json_schema_input_type=DaysText)
    @classmethod
    def _days(cls, value: Any) -> Any:
        days = days_in(value, r"[1-9]\d{0,3}")
        if days is None:
            raise ValueError("an overlap is written as `2 days`, and is one day at least")
        return days

    def mistakes(self, path: str, form: str, delivers: str) -> Iterator[tuple[str, str]]:
        """Yield key and message of each conflict with the source's path, format and `delivers`."""
        if form != "parquet":
            yield "reads.format", f"{form!r} is not allowed: an extract lands as parquet, which keeps types"
        if path.startswith("data:") or not _PATH.fullmatch(path):
            words = "is not allowed: an extract has a folder of its own each day, as in `members/{day}/*.parquet`"
            yield "reads.path", f"{path!r} {words}"
        if not self.watermark and delivers != "snapshot":
            yield "extracts.watermark", f"is missing: without it the whole table is a snapshot, not {delivers}"
        if self.watermark and delivers == "snapshot":
            yield "extracts.watermark", "a snapshot is the whole table: leave it out, or say `delivers: changes`"


def folder_of(path: str, day: date) -> str:
    """Folder of a day's extract, below the landing folder. Raises ValueError for a path without a folder per day."""
    match = _PATH.fullmatch(path)
    if match is None:
        raise ValueError(f"{path} has no folder a day")
    return re.sub(r"\{day[^}]*\}", day.strftime(match.group("format") or "%Y-%m-%d"), match.group("folder"))
