"""The SQL form of an aggregate: parts that an engine aggregates, how parts merge, and the final value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class AggPart:
    """One aggregate call over rows for which all of `only` are true, and the Spark type of its result.

    `before` and `after` enclose the SQL. `counted` is SQL of the value if the call gives the most frequent one: an
    engine counts equal values of many rows faster by grouping them.
    """

    call: str
    type: str
    only: tuple[str, ...] = ()
    before: str = ""
    after: str = ""
    counted: str = ""

    @property
    def function(self) -> str:
        """Name of the aggregate function that the engine calls."""
        return self.call.partition("(")[0]

    def sql(self, conditions: Sequence[str]) -> str:
        """SQL of the call, over rows for which `conditions` and those of the part are true."""
        return f"{self.before}{self.call}{filtered([*conditions, *self.only])}{self.after}"


def filtered(conditions: Sequence[str]) -> str:
    """The filter clause of an aggregate; empty without conditions."""
    unique = list(dict.fromkeys(conditions))
    return f" filter (where {' and '.join(unique)})" if unique else ""


Merge = Callable[[Sequence[str]], str]


@dataclass(frozen=True)
class AggForm:
    """Parts of an aggregate, the SQL of the value from the SQL of each part, and the value's type.

    `lost` gives, from the same parts, SQL of whether values are present but the result is lost. `merges` give SQL that
    aggregates parts of some rows each, by the columns of all parts, to the parts of all these rows. They are empty if
    an aggregate needs all rows at once.
    """

    parts: tuple[AggPart, ...]
    value: Callable[..., str]
    type: str
    merges: tuple[Merge, ...] = ()
    lost: Callable[..., str] | None = None


def added(name: str, position: int = 0) -> Merge:
    """Merge that aggregates the column of a part."""
    return lambda columns: f"{name}({columns[position]})"
