"""What a run of an export did on a platform, for people and for the steps after it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from jobs.exports.platform import StatusAnswer
from quanyu.errors import QuanyuError
from quanyu.plurals import number_of


@dataclass(frozen=True)
class Mirrored:
    """What a run did on a platform: values added, withdrawn and refused, values there now, and its answer.

    `is_open`: a batch is not confirmed, or a withdrawal is not over. `doubts` tell of a backup that was restored.
    `refused`: values that were not withdrawn today, since the platform calls them invalid.
    """

    added: int = 0
    removed: int = 0
    invalid: int = 0
    there: int = 0
    waiting: int = 0
    status: StatusAnswer | None = None
    error: QuanyuError | None = None
    words: tuple[str, ...] = ()
    is_open: bool = False
    doubts: tuple[str, ...] = ()
    refused: int = 0

    def notes(self) -> Iterator[str]:
        """Say what the platform refused, still reads, or asks for."""
        yield from self.doubts
        yield from (f"the platform says: {words}" for words in self.words)
        if self.invalid:
            yield f"{number_of(self.invalid, 'value')} refused by the platform"
        if self.waiting:
            yield f"{number_of(self.waiting, 'value')} not confirmed yet: the next run asks again"
        if self.status and self.status.words:
            yield f"the platform says: {self.status.words}"

    def alerts(self, platform: str) -> dict[str, str]:
        """What somebody should look at on a platform, by name."""
        refused = f"{number_of(self.refused, 'withdrawal')} refused by {platform} as invalid"
        words = f"{refused}, so nobody is there by these values: see whether its page agrees"
        return {"refused": words} if self.refused else {}
