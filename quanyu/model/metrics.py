"""Values of metrics by day, in total and by member of each dimension."""

from __future__ import annotations

from quanyu.grammar.table import Column, Table

# Dimension and member of a total.
TOTAL, ALL = "total", "all"


class Metrics(Table):
    """The value of a metric on a day: in total, or of one member of one of its dimensions."""

    layer = "gold"
    owner = "data"
    keys = ("metric", "day", "dimension", "member")
    forward_only = True

    metric = Column("string", "Name of the metric, as `sales.revenue`.", required=True)
    day = Column("date", "Day of the facts, or last day of the metric's window.", required=True)
    dimension = Column("string", "Name of the dimension; `total` for all rows together.", required=True)
    member = Column("string", "Value of the dimension; `all` in a total, `unknown` for rows without one.",
                    required=True)  # fmt: skip
    value = Column("double", "The value; null if it cannot be computed, for the `reason`.",
                   unit="the metric's")  # fmt: skip
    numerator = Column("double", "First part of a ratio; null for other metrics.", unit="its metrics'")
    denominator = Column("double", "Second part of a ratio; null for other metrics.", unit="its metrics'")
    reason = Column("string", "Why there is no value; null where there is one.")
