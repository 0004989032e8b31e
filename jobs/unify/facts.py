"""What the resolution of identities found out."""

from __future__ import annotations

from dataclasses import dataclass

from quanyu.run.facts import Facts


@dataclass(frozen=True)
class IdentityFacts(Facts):
    """Number of customers, and of ids that were minted, merged and split."""

    customers: int
    minted: int
    merged: int
    split: int
