"""The feed of a till, which shops of several tests declare: receipts of customers, one purchase each."""

from __future__ import annotations

from collections.abc import Mapping

CARD = "{kind: member, scope: brand, value: card}"
PURCHASE = {"order_id": "slip", "ordered_at": "at", "kind": "\"'purchase'\"", "status": "\"'paid'\"", "amount": "paid"}
IN_STORE = {**PURCHASE, "channel": "\"'store'\""}


def till(orders: Mapping[str, str] = PURCHASE, person: str = CARD, freshness: str = "none") -> str:
    """Declaration of the source `till`: `orders` are columns of orders as YAML, by name."""
    columns = ", ".join(f"{name}: {value}" for name, value in orders.items())
    return f"""
describes: Receipts.
owner: retail
reads: {{path: "till/{{day}}.csv", format: csv}}
delivers: events
freshness: {freshness}
person: [{person}]
fills:
  orders: {{{columns}}}
"""
