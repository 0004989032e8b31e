"""What came back from platforms, and what was sent back to them."""

from __future__ import annotations

from dataclasses import dataclass

from quanyu.run.facts import Facts


@dataclass(frozen=True)
class FetchFacts(Facts):
    """Rows of campaign results that an account reported, and rows that it reported before and no more."""

    account: str
    reported: int
    gone: int


@dataclass(frozen=True)
class ReturnFacts(Facts):
    """Audiences with ads, and those of them that were compared with a holdout."""

    audiences: int
    compared: int


@dataclass(frozen=True)
class ConversionFacts(Facts):
    """Purchases that were reported to an account, that wait for its answer, and that it rejected.

    `withheld` are those of customers whom the consent gate does not let go there, or of whom it takes no identifier.
    """

    account: str
    sent: int
    pending: int
    rejected: int
    withheld: int
