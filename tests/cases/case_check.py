"""The check of a case: its days, and queries over the resulting tables, each with its expected answer."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field

HERE = Path(__file__).parent
Rows = list[list[str]]


class Right(BaseModel):
    """One expected answer: what it means, the query, and the rows that the query must return, in any order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    right: str = Field(min_length=1)
    query: str = Field(min_length=1)
    answer: list[Any]

    def expected(self) -> Rows:
        """The expected rows as sorted texts; a row of one column may be written without its list."""
        return as_texts(row if isinstance(row, list) else [row] for row in self.answer)


class Check(BaseModel):
    """A case's check: the days to run, other cases that it needs, commands to run afterwards, and expected answers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    days: tuple[date, ...]
    beside: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    right: tuple[Right, ...] = Field(min_length=1)


def checks() -> dict[str, Check]:
    """Every check by the name of its case, in order. Raises pydantic's ValidationError for one that is malformed."""
    return {file.stem: Check.model_validate(yaml.safe_load(file.read_text())) for file in sorted(HERE.glob("*.yml"))}


def expected_right() -> list[str]:
    """Cases that must be right."""
    lines = (HERE / "expected_right.txt").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def as_texts(rows: Iterable[Iterable[Any]]) -> Rows:
    """Rows with each value as text, sorted, for comparison."""
    return sorted([_text(value) for value in row] for row in rows)


def _text(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)
