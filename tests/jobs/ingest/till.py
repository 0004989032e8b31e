"""Receipts of a till as a feed: their lines, and orders that aggregate the lines."""

from __future__ import annotations

TILL = """
describes: Receipts.
owner: retail
reads: {path: "till/{day}/*.csv", format: csv}
delivers: events
freshness: none
bad_share: 0.9
fills:
  order_lines:
    order_id: "receipt"
    line: "line"
    ordered_at: "at"
    kind: "'sale'"
    status: "'paid'"
    sku: "item"
    amount: "amount"
  orders:
    one_row_per: receipt
    order_id: receipt
    ordered_at: "min(cast(at as timestamp))"
    kind: "'purchase'"
    status: "'paid'"
    amount: "sum(cast(amount as decimal(18, 2)))"
    pieces: "count(*)"
"""

# The same with the phone of the customer, and quantities.
PERSONAL = (
    TILL.replace("fills:", "person: [{kind: phone, value: phone}]\nfills:")
    .replace("'sale'", "if(cast(quantity as int) < 0, 'return', 'sale')")
    .replace('    amount: "amount"', '    quantity: "quantity"\n    amount: "amount"')
    .replace('pieces: "count(*)"', "channel: \"'store'\"")
)
