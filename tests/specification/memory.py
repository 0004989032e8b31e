"""An in-memory lake and context: the tables of many cases as frames of a session, for the product's own functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from quanyu.config.settings import Settings
from quanyu.discover import Catalogue
from quanyu.grammar.table import Table
from quanyu.model.identity import Identities
from quanyu.model.people import Identifiers
from specification.ascii_table import ALWAYS, Row
from specification.case import Case

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass
class MemoryLake:
    """Serves each table with the rows of all cases; a table that no case contains is empty."""

    spark: Any
    cases: Sequence[Case]
    frames: dict[str, DataFrame] = field(default_factory=dict)

    def table(self, table: type[Table]) -> DataFrame:
        """Rows of a table, typed; naive times are in the session's zone."""
        if table.name not in self.frames:
            rows = [row for case in self.cases for row in _rows(case, table)]
            names = list(table.schema())
            texts = self.spark.createDataFrame(
                [tuple(row.get(name) for name in names) for row in rows], ", ".join(f"`{n}` string" for n in names)
            )
            # A list cannot be cast from text; no case contains one.
            typed = (
                f"cast({'null' if c.type.startswith('array') else f'`{n}`'} as {c.type}) as `{n}`"
                for n, c in table.schema().items()
            )
            self.frames[table.name] = texts.selectExpr(*typed)
        return self.frames[table.name]

    def places(self) -> list[str]:
        """No table besides those of the model: no case has a row in quarantine."""
        return []

    def exists(self, place: str) -> bool:
        """Whether there is such a table besides."""
        return place in self.places()

    def count_rows(self, place: str) -> int:
        """None is stored."""
        return 0

    @property
    def staging(self) -> MemoryLake:
        """The lake itself: its rows are in memory already."""
        return self

    def materialize(self, rows: DataFrame) -> DataFrame:
        """The same rows, computed, so that what is read from them joins a table and no growing plan."""
        computed: DataFrame = self.spark.createDataFrame(rows.toArrow(), rows.schema)
        return computed


def _rows(case: Case, table: type[Table]) -> list[Row]:
    if table is Identities:
        return [{"valid_from": ALWAYS, **row} for row in case.persons()]
    return case.identifiers() if table is Identifiers else case.rows(table)


@dataclass
class MemoryContext:
    """The part of a step's context that the product's functions use."""

    catalogue: Catalogue
    lake: MemoryLake
    day: date

    def is_current(self, step: str) -> bool:
        """No step has run: facts of every day are computed."""
        return False

    def forward_day(self, step: str) -> date | None:
        """No step has run: views of every day are computed."""
        return None

    def last_run(self) -> date | None:
        """No step has run."""
        return None

    @property
    def settings(self) -> Settings:
        """Settings of the conf folder."""
        return self.catalogue.settings
