"""What a model of campaigns learns from: the arms that customers were drawn into, in place of a grid of cutoffs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from quanyu.errors import nearest
from quanyu.expressions import safe_sql, two_valued
from quanyu.expressions.aggregates import condition
from quanyu.grammar.declaration import Problems
from quanyu.grammar.row_expressions import reach
from quanyu.grammar.table import Table

OF_ASSIGNMENT = ("campaign", "arm", "probability")
"""Columns of a table of assignments, beside its person and its time."""
CHANCES = "chances"
"""Column that a table of assignments may have: the probabilities of all arms, as `control:0.5;mail:0.5`."""
OF_DRAW = (*OF_ASSIGNMENT, CHANCES, "arms")
"""Columns of a row that a campaign drew: those of the assignment, and how many arms the campaign has."""


@dataclass(frozen=True)
class CampaignAssignments:
    """Rows of a model from the arms of campaigns: each customer of each campaign, as of the day before."""

    over: str = "assignments"
    """Table with a row for each person and campaign: `campaign`, `arm` and `probability`, that of getting this arm."""
    where: str = ""
    """Condition of the rows that are learned from, such as `campaigns.goal = 'order'`."""
    test_campaigns: int = 1
    """Number of the newest campaigns that the model is tested on: it learns from what was known when they began."""

    def condition(self, tables: Mapping[str, type[Table]]) -> str:
        """SQL condition of the rows, which names columns of the table and of those that it refers to."""
        columns = reach(tables[self.over], tables)
        types = {name: column.type for name, column in columns.items()}
        return safe_sql(two_valued(condition(self.where or "true", columns)), types)

    def check(self, file: str, key: str, tables: Mapping[str, type[Table]], problems: Problems) -> None:
        """Add what is wrong with the table, the condition and the number of campaigns to `problems`."""
        if isinstance(self.test_campaigns, bool) or self.test_campaigns < 1:
            problems.add(file, f"{key}.test_campaigns", f"{self.test_campaigns!r}: at least 1 is needed")
        table = tables.get(self.over)
        if table is None:
            problems.add(file, f"{key}.over", f"unknown table {self.over!r}; {nearest(self.over, tables)}")
            return
        missing = [name for name in OF_ASSIGNMENT if name not in table.columns]
        if missing or not table.event_time or not table.personal or table.layer != "silver":
            words = "holds no assignments: persons, the time at which each was assigned, and the columns"
            problems.add(file, f"{key}.over", f"{self.over} {words} {', '.join(OF_ASSIGNMENT)}")
            return
        with problems.capture(file, f"{key}.where"):
            self.condition(tables)
