"""What became of what was handed over: Google answers each call with a request, whose state is asked for later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jobs.exports.http import Http
from jobs.exports.platform import BatchReceipt
from jobs.exports.platforms.google.data import EVENTS, NAME, PREFIX, REPEATED, STATES, WORST


def handle_of(requests: Sequence[str], left_out: Sequence[int]) -> str:
    """Name of several requests; `left_out` are positions of what was not handed over."""
    return f"{','.join(requests)};{','.join(map(str, left_out))}"


def receipt_of(http: Http, handle: str) -> BatchReceipt:
    """Ask for the state of all requests of a handle; Google names failed records by position, or counts them."""
    requests, _, left_out = handle.partition(";")
    receipts = [_state(http, request) for request in requests.split(",") if request]
    state = next((state for state in WORST if any(receipt.state == state for receipt in receipts)), WORST[-1])
    skipped = [int(place) for place in left_out.split(",") if place]
    reasons = dict.fromkeys(skipped, "NO_IDENTIFIER")
    for number, receipt in enumerate(receipts):
        reasons |= {_shifted(place + EVENTS * number, skipped): why for place, why in receipt.reasons.items()}
    words = "; ".join(dict.fromkeys(receipt.words for receipt in receipts if receipt.words))
    return BatchReceipt(
        handle, state, sorted(reasons), sum(receipt.invalid for receipt in receipts), words=words, reasons=reasons,
    )  # fmt: skip


def _state(http: Http, request: str) -> BatchReceipt:
    answer = http.call("GET", "requestStatus:retrieve", params={"requestId": request})
    destination: Mapping[str, Any] = next(iter(answer.get("requestStatusPerDestination", ())), {})
    errors = destination.get("errorInfo", {}).get("errorCounts", ())
    counts = [(count["reason"].removeprefix(PREFIX), count) for count in errors if REPEATED not in count["reason"]]
    reasons = {int(place): why for why, count in counts for place in count.get("recordIndices", ())}
    failed = sum(int(count.get("recordCount", 0)) for _, count in counts)
    words = ", ".join(why for why, _ in counts if NAME.fullmatch(why))
    state = STATES.get(destination.get("requestStatus", ""), "pending")
    state = "done" if state == "failed" and errors and not counts else state
    return BatchReceipt(request, state, [*reasons], max(0, failed - len(reasons)), words=words, reasons=reasons)


def _shifted(place: int, skipped: Sequence[int]) -> int:
    """Position among those sent as a position among all."""
    for left_out in skipped:
        place += left_out <= place
    return place
