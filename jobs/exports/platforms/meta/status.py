"""Where an audience stands, by Meta's codes of its operation and delivery."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from jobs.exports.platform import StatusAnswer
from jobs.exports.platforms.meta.data import FAILED, LIMITS, POPULATING, READY, REMARKS

FIELDS = "approximate_count_lower_bound,operation_status,delivery_status"


def status_of(audience: Mapping[str, Any], sessions: Sequence[Mapping[str, Any]]) -> StatusAnswer:
    """Size by Meta's lower bound, and the share of all uploaded values that Meta knew."""
    operation = int(audience.get("operation_status", {}).get("code", 0))
    delivery = int(audience.get("delivery_status", {}).get("code", 0))
    size = int(audience.get("approximate_count_lower_bound", -1))
    matched = size if size >= 0 else None
    received = sum(int(session.get("num_received", 0)) for session in sessions)
    rate = sum(int(session.get("num_matched", 0)) for session in sessions) / received if received else None
    if operation in FAILED:
        return StatusAnswer(state="failed", words=FAILED[operation], matched=matched, match_rate=rate)
    if operation in POPULATING:
        return StatusAnswer(state="parsing", matched=matched, match_rate=rate)
    ready = delivery == READY
    words = REMARKS.get(operation, "" if ready else f"fewer than {LIMITS.least} of its members are known to Meta")
    usable = matched if ready else 0
    state: Literal["usable", "published"] = "usable" if ready else "published"
    return StatusAnswer(state=state, words=words, matched=matched, usable=usable, match_rate=rate)
