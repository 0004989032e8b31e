"""Small operational state that is not of the lake: the ledger of files, memory, export tasks and the outbox."""

from __future__ import annotations

from types import TracebackType

from quanyu.store.base import Database
from quanyu.store.exports import Exports, ExportTask
from quanyu.store.ledger import LandedFile, Ledger
from quanyu.store.memory import Memory
from quanyu.store.message import Message
from quanyu.store.outbox import Outbox

__all__ = ["ExportTask", "LandedFile", "Message", "Store"]


class Store:
    """The only door to the operational database: sqlite:///file (kept in WAL mode) or a postgresql:// URL."""

    def __init__(self, url: str) -> None:
        self._database = Database(url)
        self._database.create()
        self.ledger = Ledger(self._database)
        self.memory = Memory(self._database)
        self.exports = Exports(self._database)
        self.outbox = Outbox(self._database)

    def copy_to(self, other: Store) -> None:
        """Put every row of this store into another one."""
        self._database.copy_to(other._database)

    def close(self) -> None:
        """Give back whatever is still open."""
        self._database.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
