"""Reads: path of a feed's files, when a file is complete, and how its bytes become rows of text."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from quanyu.feeds.day_path import DAY, FeedPath
from quanyu.grammar.bounds import MOST, StrictModel

_UNITS = {"second": 1, "minute": 60, "hour": 3600}
_AgeText = Annotated[str, Field(pattern=r"^[1-9]\d{0,4} (second|minute|hour)s?$", examples=["1 minute"])]


def _age(value: Any) -> Any:
    if isinstance(value, timedelta) or value is None:
        return value
    written = re.fullmatch(r"([1-9]\d{0,4}) (second|minute|hour)s?", str(value))
    if not written:
        raise ValueError("an age is written as `30 seconds`, `1 minute` or `2 hours`")
    return timedelta(seconds=int(written.group(1)) * _UNITS[written.group(2)])


class Reads(StrictModel):
    """Path of the files, and how their bytes become rows of text."""

    path: FeedPath = Field(
        description="files below the landing folder, as `pos/{day}/*.csv`; after `data:`, below the shared data"
    )
    format: Literal["csv", "jsonl", "json", "parquet"] = Field(description="format of the files")
    settles: Annotated[timedelta | None, BeforeValidator(_age, json_schema_input_type=_AgeText)] = Field(
        None, description="age since its last change from which on a file is taken: `1 minute`"
    )
    mark: str | None = Field(
        None,
        pattern=r"^[^/\\*?{}]+$",
        description="what its sender writes when a file is whole: `.done`, behind the name of each file, or `_SUCCESS`,"
        " a file in its folder",
    )
    records: str | None = Field(None, description="json: member of the document that holds the list of rows")
    encoding: str = Field("utf-8", description="encoding of the text, such as gb18030")
    delimiter: str = Field(",", min_length=1, max_length=1, description="csv: what divides columns")
    quote: str = Field('"', min_length=1, max_length=1, description="csv: what encloses a value")
    columns: tuple[str, ...] = Field(
        (), description="columns of the feed; where given, expressions may name only these"
    )
    optional: tuple[str, ...] = Field((), description="columns that a file may lack; they are null then")
    aliases: dict[str, str] = Field({}, description="names that a column has in some files: the column's own name")
    day: str | None = Field(None, description="expression of the feed's day, where the path has no {day}")
    unpacked_mb: int = Field(8192, ge=1, le=MOST, description="MB that a file may hold once unpacked")
    unpacked_times: float = Field(250, gt=1, le=MOST, description="how many times its own size an archive may hold")

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str) -> str:
        try:
            "".encode(value)
        except LookupError:
            raise ValueError("unknown encoding; for example utf-8, gb18030, latin-1") from None
        return value

    @model_validator(mode="after")
    def _one_day(self) -> Reads:
        if bool(DAY.search(self.path)) == bool(self.day):
            raise ValueError("give the day either in the path, as {day}, or in `day` as an expression of a column")
        return self

    @model_validator(mode="after")
    def _records_of_a_document(self) -> Reads:
        if (self.format == "json") != bool(self.records):
            raise ValueError("format json needs `records`, the member that holds the rows; no other format has it")
        return self

    @model_validator(mode="after")
    def _mark_of_a_day(self) -> Reads:
        if self.mark and not self.mark.startswith(".") and not DAY.search(self.path.rpartition("/")[0]):
            raise ValueError(
                f"the mark {self.mark!r} marks a complete folder: give every day its folder, as `orders/{{day}}/*.csv`;"
                " a mark that is added to each file's name begins with a dot, as `.done`"
            )
        return self
