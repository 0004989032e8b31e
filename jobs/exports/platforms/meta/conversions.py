"""Own conversions as events of a dataset."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from jobs.exports.http import Http
from jobs.exports.platform import BatchReceipt, Conversion
from jobs.exports.platforms.meta.data import EVENTS, OLDEST, OLDEST_IN_SHOP, USER_FIELDS


def report(http: Http, dataset: str, source: str, conversions: Sequence[Conversion]) -> BatchReceipt:
    """Send purchases, which happened at a `source`, as events. Those that Meta would not take are left out."""
    oldest = datetime.now(UTC) - (OLDEST_IN_SHOP if source == "physical_store" else OLDEST)
    known = [conversion.happened_at > oldest and bool(_user(conversion)) for conversion in conversions]
    sent = [_event(conversion, source) for conversion, is_known in zip(conversions, known, strict=True) if is_known]
    received, handles = 0, []
    for first in range(0, len(sent), EVENTS):
        content = {"data": sent[first : first + EVENTS]}
        answer = http.call("POST", f"{dataset}/events", json=content)
        received += int(answer["events_received"])
        handles.append(str(answer.get("fbtrace_id", "")))
    rejected = [place for place, is_known in enumerate(known) if not is_known]
    words = f"{len(rejected)} are too old for Meta or have no identifier that it takes" if rejected else ""
    return BatchReceipt(",".join(handles), rejected=rejected, invalid=len(sent) - received, words=words)


def _event(conversion: Conversion, source: str) -> dict[str, Any]:
    return {
        "event_name": "Purchase",
        "event_time": int(conversion.happened_at.timestamp()),
        "event_id": conversion.key,
        "action_source": source,
        "user_data": _user(conversion),
        "custom_data": {"value": float(conversion.amount), "currency": conversion.currency},
    }


def _user(conversion: Conversion) -> dict[str, Any]:
    fields = {USER_FIELDS[kind]: text for kind, text in conversion.identifiers.items() if kind in USER_FIELDS}
    return {name: text if name == "madid" else [text] for name, text in fields.items()}
