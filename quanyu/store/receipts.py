"""Receipts as JSON text."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any


def to_text(receipt: dict[str, Any]) -> str:
    """Write a receipt with sorted keys, so that equal receipts give equal texts. Days and decimals become text."""
    return json.dumps(receipt, sort_keys=True, ensure_ascii=False, default=_plain)


def from_text(text: str) -> dict[str, Any]:
    """Read a receipt that `to_text` wrote."""
    receipt: dict[str, Any] = json.loads(text)
    return receipt


def _plain(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"a receipt cannot hold {type(value).__name__}")
