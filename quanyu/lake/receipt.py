"""The receipt of a commit: job, day, run, and versions of the inputs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Receipt:
    """Content of a commit's userMetadata: lineage and watermark of the write."""

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
    """Read the commit info in the text of a log file; empty if there is none."""
    infos = (json.loads(line) for line in commit.splitlines() if '"commitInfo"' in line)
    return next((dict(action["commitInfo"]) for action in infos if "commitInfo" in action), {})


def receipt_in(item: Mapping[str, Any]) -> dict[str, Any] | None:
    """Read the receipt in an entry of Delta's history; None if the commit has none."""
    text = item.get("userMetadata")
    try:
        receipt = json.loads(text) if text else None
    except ValueError:
        return None
    return receipt if isinstance(receipt, dict) and "job" in receipt else None
