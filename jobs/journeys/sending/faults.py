"""Tells refusals of one recipient from failures of the channel, so that a failing channel is stopped early."""

from __future__ import annotations

import re

from jobs.journeys.channel import SendOutcome
from quanyu.errors import LaterError, QuanyuError, RejectedError

# The same refusal of this many messages in a row, with none accepted in between, is a failure of the channel.
SAME_REFUSALS = 3
# Stop sending after this many messages in a row without an answer to their content.
LOST_ANSWERS = 2
# Parts of an answer that differ by recipient: addresses, queue ids, times, and how a connection was lost.
_OWN = re.compile(r"\S*[@<>]\S*|\b\S*\d\S*\b|\(\w+\)")
_CODES = re.compile(r"\b[245](?:\d\d|\.\d{1,3}\.\d{1,3})\b")


class Faults:
    """Observes the outcomes of one run, in order."""

    def __init__(self) -> None:
        self.refused: list[str] = []
        self._gist: tuple[str, ...] = ()
        self._lost = 0

    def observe(self, key: str, outcome: SendOutcome) -> QuanyuError | None:
        """Register the outcome of a message. Returns the error if it shows that the channel fails.

        `refused` then lists the keys of messages that were refused because of it.
        """
        if outcome.status == "unknown":
            self._lost += 1
            return _silent(outcome) if self._lost >= LOST_ANSWERS else None
        self._lost = 0
        if outcome.status == "sent":
            self.refused = []
        if outcome.status == "sent" or not outcome.by_server:
            return None
        gist = _gist(outcome)
        self.refused = [*(self.refused if gist == self._gist else []), key]
        self._gist = gist
        return _channels_own(outcome) if len(self.refused) >= SAME_REFUSALS else None


def _gist(outcome: SendOutcome) -> tuple[str, ...]:
    """The parts of an answer that are the same for all recipients: its codes and words."""
    reason = outcome.reason or ""
    return (outcome.status, *_CODES.findall(reason), *_OWN.sub("", reason).split())


def _silent(outcome: SendOutcome) -> LaterError:
    return LaterError(f"{LOST_ANSWERS} messages in a row may or may not have been accepted: {outcome.reason}")


def _channels_own(outcome: SendOutcome) -> QuanyuError:
    kind = RejectedError if outcome.status == "rejected" else LaterError
    return kind(
        f"the same answer to {SAME_REFUSALS} recipients in a row counts as a failure of the channel: {outcome.reason}"
    )
