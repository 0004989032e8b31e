"""Columns computed from an entity's ordered rows: previous value, next value, last value, gap, first value after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from quanyu.errors import ExpressionError, nearest
from quanyu.expressions import safe_sql, two_valued
from quanyu.expressions.aggregates import condition
from quanyu.grammar.table import Column


@dataclass(frozen=True)
class Derived:
    """A column computed from another column of the entity's rows, ordered by time, then by key."""

    of: str
    """Column of the rows, or of a table that they refer to."""

    def column(self, columns: Mapping[str, Column]) -> Column:
        """The derived column. Raises ExpressionError if the source column is unknown or its type does not fit."""
        if self.of not in columns:
            raise ExpressionError(f"unknown column {self.of!r}; {nearest(self.of, columns)}")
        return columns[self.of]

    def sql(self, columns: Mapping[str, Column], entity: Sequence[str], order: Sequence[str]) -> str:
        """SQL of the column; null if there is no such row. Rows are ordered within the keys `entity`."""
        raise NotImplementedError


def _window(entity: Sequence[str], order: Sequence[str]) -> str:
    quoted = (", ".join(f"`{name}`" for name in names) for names in (entity, order))
    return "partition by {} order by {}".format(*quoted)


class Previous(Derived):
    """The value of the row before."""

    def sql(self, columns: Mapping[str, Column], entity: Sequence[str], order: Sequence[str]) -> str:
        """SQL of the value of the row before."""
        return f"lag(`{self.of}`) over ({_window(entity, order)})"


class Next(Derived):
    """The value of the row after."""

    def sql(self, columns: Mapping[str, Column], entity: Sequence[str], order: Sequence[str]) -> str:
        """SQL of the value of the row after."""
        return f"lead(`{self.of}`) over ({_window(entity, order)})"


class Last(Derived):
    """The value of the last row."""

    def sql(self, columns: Mapping[str, Column], entity: Sequence[str], order: Sequence[str]) -> str:
        """SQL of the value of the last row."""
        frame = f"{_window(entity, order)} rows between unbounded preceding and unbounded following"
        return f"last_value(`{self.of}`) over ({frame})"


class Gap(Derived):
    """Whole days since the row before, by a column of dates or times."""

    def column(self, columns: Mapping[str, Column]) -> Column:
        """The column of days."""
        source = super().column(columns)
        if source.type not in ("date", "timestamp"):
            raise ExpressionError(f"a gap is between dates or times, and {self.of} is a {source.type}")
        return Column("bigint", f"Whole days since the {self.of} before.", unit="days")

    def sql(self, columns: Mapping[str, Column], entity: Sequence[str], order: Sequence[str]) -> str:
        """SQL of the days since the row before."""
        before = f"lag(`{self.of}`) over ({_window(entity, order)})"
        return f"cast(datediff(cast(`{self.of}` as date), cast({before} as date)) as bigint)"


@dataclass(frozen=True)
class FirstAfter(Derived):
    """The value of the first later row for which a condition holds."""

    where: str
    """Condition of the later row."""

    def column(self, columns: Mapping[str, Column]) -> Column:
        """The derived column. Raises ExpressionError also for an invalid condition."""
        condition(self.where, columns)
        return super().column(columns)

    def sql(self, columns: Mapping[str, Column], entity: Sequence[str], order: Sequence[str]) -> str:
        """SQL of the value of the first later row that meets the condition."""
        meets: exp.Expr = two_valued(condition(self.where, columns))
        met = safe_sql(meets, {name: column.type for name, column in columns.items()})
        # In reverse order, so that an engine reads each row once. Flags, since engines order nulls differently.
        fields = [field for name in order for field in (f"`{name}` is not null", f"`{name}`")]
        row = ", ".join(f"{field} as f{n}" for n, field in enumerate([*fields, f"`{self.of}`"]))
        keys = ", ".join(f"`{name}`" for name in entity)
        later = f"partition by {keys} order by {', '.join(f'`{name}` desc' for name in order)}"
        frame = f"{later} rows between unbounded preceding and 1 preceding"
        return f"(min(if({met}, struct({row}), null)) over ({frame})).f{len(fields)}"
