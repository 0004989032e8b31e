"""What the maintenance of tables found out."""

from __future__ import annotations

from dataclasses import dataclass

from quanyu.run.facts import Facts


@dataclass(frozen=True)
class UpkeepFacts(Facts):
    """Number of files that were compacted and removed."""

    compacted: int
    removed: int
