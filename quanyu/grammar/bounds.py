"""Bounds of declared numbers and days, so that a typing mistake is reported."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationInfo, field_validator

# A hundred years: no window, wait or retention is longer, and dates that far back are still valid.
LONGEST_DAYS = 36_500
LONGEST_HOURS = LONGEST_DAYS * 24
LONGEST_SECONDS = 30 * 86_400
# Earlier years are typing mistakes.
FIRST_YEAR = 1900
# Larger counts are typing mistakes.
MOST = 1_000_000_000


def _written_day(value: Any) -> Any:
    written = re.fullmatch(r"(\d{4})-\d\d-\d\d", str(value))
    if not isinstance(value, date) and (written is None or int(written[1]) < FIRST_YEAR):
        raise ValueError(f"a day is written as `2025-02-01`, from {FIRST_YEAR} on")
    return value


# pydantic would read a number as seconds since 1970.
Day = Annotated[date, BeforeValidator(_written_day)]


def _said(value: str, info: ValidationInfo) -> str:
    if not value.strip():
        raise ValueError(f"`{info.field_name}` is empty: say it in words")
    return value


# What people read of a declaration, on pages and in the comments of columns.
Sentence = Annotated[str, AfterValidator(_said)]


class Bounded(BaseModel):
    """A part of a declaration whose numbers are finite.

    Number fields refuse `.inf` and `.nan`, and `yes` and `true`, which pydantic would read as 1.
    """

    model_config = ConfigDict(allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _number(cls, value: Any, info: ValidationInfo) -> Any:
        field = cls.model_fields.get(info.field_name or "")
        if isinstance(value, bool) and field is not None and field.annotation in (int, float, int | None, float | None):
            raise ValueError("a number is wanted")
        return value


class StrictModel(Bounded):
    """A frozen part of a declaration or of the settings that refuses keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def days_error(days: Any, least: int = 1) -> str | None:
    """Say why a number of days is not allowed; None if it is allowed."""
    if isinstance(days, int) and not isinstance(days, bool) and least <= days <= LONGEST_DAYS:
        return None
    return f"between {least} and {LONGEST_DAYS:,} days are allowed"
