"""The gate before a new identity state is published: compares it with the published one, against declared limits."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from quanyu.errors import ContractError
from quanyu.grammar.declaration import digest
from quanyu.grammar.identity import ChangeLimits


@dataclass(frozen=True)
class IdentityDifference:
    """A new state compared with the published one, in numbers of customers, records and values."""

    customers_before: int
    records_before: int
    minted: int
    merged: int
    split: int
    moved: int
    largest: int
    largest_before: int
    hubs: int
    values: int
    records: int
    named: int

    def exceeded_limits(self, gate: ChangeLimits) -> list[str]:
        """Say which limits it exceeds, with the figures."""
        shares = [
            ("customers merged", self.merged, self.customers_before, gate.merged),
            ("customers that came out of a split", self.split, self.customers_before, gate.split),
            ("records whose id changes", self.moved, self.records_before, gate.moved),
        ]
        reasons = [
            f"{what}: {count:,} of {total:,} ({count / total:.1%}), the limit is {band:.1%}"
            for what, count, total, band in shares
            if total and count > max(gate.free, band * total)
        ]
        if self.hubs > max(gate.free, gate.hubs * self.values):
            reasons.append(f"hubs: {self.hubs:,} of {self.values:,} values, the limit is {gate.hubs:.1%}")
        if self.largest > max(gate.largest, self.largest_before):
            reasons.append(f"largest customer: {self.largest:,} records, the limit is {gate.largest:,}")
        if self.records and self.named < gate.named * self.records - gate.free:
            reasons.append(
                f"records with an id: {self.named / self.records:.1%}, at least {gate.named:.1%} is required"
            )
        return reasons


def fingerprint(events: pd.DataFrame, difference: IdentityDifference) -> str:
    """Hash of a proposed difference: a person accepts exactly this one."""
    rows = events[["event", "customer_id", "other_id", "source", "person_key"]].fillna("").astype(str)
    return digest([sorted(map(list, rows.to_numpy().tolist())), vars(difference)])


def gate_error(reasons: list[str], mark: str) -> ContractError:
    """The error that leaves the published state in place."""
    listed = "; ".join(reasons)
    return ContractError(
        f"identities: the new state differs too much and was not published: {listed}. Look at it with `quanyu identity"
        f" diff`; if it is right, `quanyu identity accept {mark} --why ...` lets it pass in the next run"
    )
