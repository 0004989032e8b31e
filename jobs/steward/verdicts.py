"""Verdicts of stewards, each with whether the identities of today follow it already."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from jobs.steward.directory import Directory, RecordKey
from jobs.unify.ids import overrides


@dataclass(frozen=True)
class Verdict:
    """A steward's standing decision on two records; `applied` says whether their customers of today agree with it."""

    decision: str
    one: RecordKey
    other: RecordKey
    by: str
    decided_at: datetime
    why: str
    applied: bool

    @property
    def words(self) -> str:
        """Who decided it, when and why, and whether it is applied."""
        text = f"{self.by}, {self.decided_at:%Y-%m-%d}: {self.why}"
        return text if self.applied else f"{text} (not yet applied: the next run does)"


class Verdicts:
    """All standing verdicts of a home."""

    def __init__(self, directory: Directory) -> None:
        self.directory = directory

    @cached_property
    def current(self) -> list[Verdict]:
        """The newest verdict of each pair, without revoked ones."""
        rows = overrides.current_overrides(self.directory.lake)
        pairs = overrides.records_named(rows)
        customers = self.directory.customers_of(end for pair in pairs for end in pair)
        return [
            Verdict(row["verdict"], *pair, row["by"], row["decided_at"], row["why"],
                    _is_applied(row["verdict"], *map(customers.get, pair)))
            for pair, row in zip(pairs, rows.to_dict("records"), strict=True)
        ]  # fmt: skip

    def between(self, one: RecordKey, other: RecordKey) -> Verdict | None:
        """The verdict on two records."""
        return next((verdict for verdict in self.current if {verdict.one, verdict.other} == {one, other}), None)

    def about(self, records: Iterable[RecordKey]) -> list[Verdict]:
        """Verdicts that name any of these records."""
        some = set(records)
        return [verdict for verdict in self.current if some & {verdict.one, verdict.other}]


def _is_applied(decision: str, customer: str | None, other_customer: str | None) -> bool:
    joined = customer is not None and customer == other_customer
    return joined == (decision == "same")
