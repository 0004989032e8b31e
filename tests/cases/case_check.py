"""What is right of a case: its days, and queries over what the days left behind, each with its answer."""

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
    """One right value: what it says, the query that shows it, and the rows that it gives, in any order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    right: str = Field(min_length=1)
    query: str = Field(min_length=1)
    answer: list[Any]

    def expected(self) -> Rows:
        """The answer as sorted rows of texts; a row of one column may be written without its list."""
        return as_texts(row if isinstance(row, list) else [row] for row in self.answer)


class Check(BaseModel):
    """A case: the days to run, other cases whose declarations it needs, commands to ask then, and what is right."""

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
    """Rows with each value as text, sorted, as answers are compared."""
    return sorted([_text(value) for value in row] for row in rows)


def _text(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)
