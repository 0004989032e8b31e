"""What an export found out."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from jobs.exports.mirror.mirrored import Mirrored
from quanyu.grammar.audience import Audience
from quanyu.run.facts import Facts


@dataclass(frozen=True)
class ReachCounts(Facts):
    """Numbers of customers of an audience on a day; `members` is the sum of the others, except `shared`.

    `barred` have addresses but may use none of them. `not_added` were not in the last set while additions were stopped.
    `shared` have an address withheld because somebody in the holdout has it too.
    """

    members: int
    holdout: int = 0
    without_consent: int = 0
    without_identifier: int = 0
    barred: int = 0
    not_added: int = 0
    customers: int = 0
    shared: int = 0

    def notes(self, audience: Audience) -> tuple[str, ...]:
        """Say who was left out and, if nothing was exported, why."""
        words = (
            (self.without_consent, f"without consent to {audience.purpose} held back"),
            (self.holdout, "of the holdout left out"),
            (self.without_identifier, "without an identifier that the platform accepts"),
            (self.barred, "held back: somebody who shares their addresses objects"),
            (self.not_added, "not added: they were not in the last set"),
            (self.shared, "have an address withheld that somebody in the holdout shares"),
        )
        notes = [f"{count} {text}" for count, text in words if count]
        if self.without_consent and self.without_consent == self.members - self.holdout:
            notes.insert(0, "nothing exported: no consent on record")
        return tuple(notes)


@dataclass(frozen=True, kw_only=True)
class ExportFacts(ReachCounts):
    """Counts of a set that was delivered, with its place, files (parts) and rows."""

    location: str
    parts: int
    rows: int


@dataclass(frozen=True, kw_only=True)
class MirrorFacts(ReachCounts):
    """Counts of an audience on a platform: values added, withdrawn and there, and how far the platform is with it."""

    platform: str
    added: int
    removed: int
    there: int
    waiting: int
    state: str

    @classmethod
    def of(cls, counts: ReachCounts, platform: str, mirrored: Mirrored) -> MirrorFacts:
        """The facts of a run."""
        status = mirrored.status
        return cls(
            **asdict(counts), platform=platform, added=mirrored.added, removed=mirrored.removed, there=mirrored.there,
            waiting=mirrored.waiting, state=status.state if status else "prepared",
        )  # fmt: skip
