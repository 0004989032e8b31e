"""Small operational state outside of the lake: files, memory, results, alerts, the outbox."""

from __future__ import annotations

from types import TracebackType

from quanyu.store.alerts import Alert, Alerts
from quanyu.store.base import Database
from quanyu.store.exports import ExportBatch, Exports, ExportState
from quanyu.store.held_back import HeldBack, HeldBacks
from quanyu.store.ledger import LandedFile, Ledger
from quanyu.store.message import Message
from quanyu.store.outbox import Outbox
from quanyu.store.results import Results
from quanyu.store.tables import LakeTable, LakeTables
from quanyu.store.unchanged_runs import UnchangedRuns

__all__ = ["Alert", "ExportBatch", "ExportState", "HeldBack", "LakeTable", "LandedFile", "Message", "Store"]


class Store:
    """The operational database: sqlite:///file (in WAL mode) or a postgresql:// URL."""

    def __init__(self, url: str) -> None:
        self._database = Database(url)
        self._database.create()
        self.ledger = Ledger(self._database)
        self.held_back = HeldBacks(self._database)
        self.unchanged_runs = UnchangedRuns(self._database)
        self.outbox = Outbox(self._database)
        self.results = Results(self._database)
        self.alerts = Alerts(self._database)
        self.tables = LakeTables(self._database)
        self.exports = Exports(self._database)

    def copy_to(self, other: Store) -> None:
        """Copy every row of this store into another one."""
        self._database.copy_to(other._database)

    def close(self) -> None:
        """Close all connections."""
        self._database.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
