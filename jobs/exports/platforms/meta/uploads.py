"""Upload sessions: values with the key of their column, and what Meta says of them."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from jobs.exports.http import Http
from jobs.exports.platform import Batch, BatchReceipt
from jobs.exports.platforms.meta.data import KEYS, VALUE


def new_session() -> int:
    """Number of an upload session: positive, unique within the ad account."""
    return secrets.randbits(62) + 1


def upload(
    http: Http, method: str, path: str, batch: Batch, session: int, place: int, is_last: bool, weighted: bool
) -> BatchReceipt:  # fmt: skip
    """Send a batch as the `place`-th of a session; the last one closes it."""
    answer = http.call(method, path, json={
        "session": {"session_id": session, "batch_seq": place, "last_batch_flag": is_last},
        "payload": _payload(batch, weighted),
    })  # fmt: skip
    invalid, rejected = int(answer.get("num_invalid_entries", 0)), _positions(batch, answer)
    return BatchReceipt(
        str(session), rejected=rejected, invalid=max(0, invalid - len(rejected)), words=invalid_words(invalid)
    )


def _payload(batch: Batch, weighted: bool) -> dict[str, Any]:
    key, values = KEYS[batch.identifier], batch.values.to_pylist()
    if batch.weights is None or not weighted:
        return {"schema": [key], "data": [[value] for value in values]}
    weights = batch.weights.to_pylist()
    return {"schema": [key, VALUE], "data": [[*pair] for pair in zip(values, weights, strict=True)]}


def _positions(batch: Batch, answer: Mapping[str, Any]) -> list[int]:
    """Positions of the invalid values that Meta samples."""
    samples = answer.get("invalid_entry_samples") or ()
    if not samples:
        return []
    places = {value: place for place, value in enumerate(batch.values.to_pylist())}
    return sorted(places[sample] for sample in samples if isinstance(sample, str) and sample in places)


def invalid_words(invalid: int) -> str:
    """Words of how many values are invalid, if any."""
    return f"{invalid} values are invalid to Meta" if invalid else ""
