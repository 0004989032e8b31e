"""What the ingestion of a source found out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from quanyu.run.facts import Facts


@dataclass(frozen=True)
class IngestFacts(Facts):
    """Counts of rows: accepted, and left out by reason; too late or changed by table. `refused` counts files."""

    accepted: int
    dropped: Mapping[str, int]
    refused: int
    late: Mapping[str, int]
    tables: Mapping[str, int]
