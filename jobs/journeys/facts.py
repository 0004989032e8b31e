"""What journeys and the sending of messages found out."""

from __future__ import annotations

from dataclasses import dataclass

from quanyu.run.facts import Facts


@dataclass(frozen=True)
class JourneyFacts(Facts):
    """Customers who entered, are under way and ended; messages that were decided, planned and held back."""

    entered: int
    going: int
    decided: int
    planned: int
    held: int
    ended: int


@dataclass(frozen=True)
class SendFacts(Facts):
    """Number of messages by what became of them; `planned` is all that wait."""

    sent: int
    held: int
    rejected: int
    failed: int
    expired: int
    cancelled: int
    unknown: int
    planned: int

    def handled(self) -> int:
        """Number of messages that do not wait any more."""
        ended = self.sent + self.held + self.rejected + self.failed
        return ended + self.expired + self.cancelled + self.unknown
