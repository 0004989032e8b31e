"""Own conversions as events that Google takes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from typing import Any

from jobs.exports.platform import Conversion
from jobs.exports.platforms.google.data import FIELDS


def events_of(conversions: Sequence[Conversion], source: str) -> tuple[list[dict[str, Any]], list[int]]:
    """Events of purchases, and positions of those left out since Google takes none of their identifiers."""
    events = [_event(conversion, source) for conversion in conversions]
    left_out = [place for place, event in enumerate(events) if not event["userData"]["userIdentifiers"]]
    return [event for event in events if event["userData"]["userIdentifiers"]], left_out


def _event(conversion: Conversion, source: str) -> dict[str, Any]:
    identifiers = [{FIELDS[kind]: text} for kind, text in conversion.identifiers.items() if kind in FIELDS]
    return {
        "transactionId": conversion.key,
        "eventTimestamp": conversion.happened_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": source,
        "conversionValue": float(conversion.amount),
        "currency": conversion.currency,
        "userData": {"userIdentifiers": identifiers},
    }
