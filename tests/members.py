"""A feed of members, each with a card and a phone, for tests about identifiers."""

from __future__ import annotations

CRM = """\
describes: Members.
owner: me
reads: {path: "crm/{day}.csv", format: csv}
delivers: changes
freshness: none
person:
  - {kind: member, scope: b, value: card}
  - {kind: phone, value: phone}
fills:
  people: {display_name: name}
"""
