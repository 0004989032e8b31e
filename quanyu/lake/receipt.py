"""The receipt of a commit: who made it, for which day, out of what."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Receipt:
    """What a commit carries in userMetadata: lineage, watermark and pin at once."""

    job: str
    day: str
    run: str
    definition: str
    inputs: Mapping[str, Any] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)

    def text(self, counts: Mapping[str, int] | None = None) -> str:
        """Write it as JSON, with the counts of one commit."""
        return json.dumps({**asdict(self), "counts": dict(counts or self.counts)}, sort_keys=True, default=str)


def commit_info(commit: str) -> dict[str, Any]:
    """Read what a commit's file in the log says of who made it, and when; empty where it says nothing."""
    infos = (json.loads(line) for line in commit.splitlines() if '"commitInfo"' in line)
    return next((dict(action["commitInfo"]) for action in infos if "commitInfo" in action), {})


def receipt_in(item: Mapping[str, Any]) -> dict[str, Any] | None:
    """Read the receipt of a commit as Delta's history gives it; None for a commit that has none."""
    text = item.get("userMetadata")
    try:
        receipt = json.loads(text) if text else None
    except ValueError:
        return None
    return receipt if isinstance(receipt, dict) and "job" in receipt else None
