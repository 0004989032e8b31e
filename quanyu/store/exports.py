"""Where each export stands on its platform, and the batches that were sent to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date

import sqlalchemy as sa

from quanyu.store.base import Database, UtcDateTime, metadata, now

EXPORTS = sa.Table(
    "exports",
    metadata,
    sa.Column("export", sa.String(200), primary_key=True),
    sa.Column("audience_id", sa.String(200), nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("words", sa.Text, nullable=False),
    sa.Column("changed_on", sa.Date),
    sa.Column("members", sa.BigInteger, nullable=False),
    sa.Column("approved", sa.String(100), nullable=False),
    sa.Column("approved_members", sa.BigInteger),
    sa.Column("place", sa.Text, nullable=False),
    sa.Column("declared", sa.String(100), nullable=False),
    sa.Column("doubted", sa.Date),
    sa.Column("withdrawing", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("purpose", sa.String(20), nullable=False, server_default=""),
    sa.Column("updated_at", UtcDateTime, nullable=False),
)
EXPORT_BATCHES = sa.Table(
    "export_batches",
    metadata,
    sa.Column("batch", sa.String(100), primary_key=True),
    sa.Column("export", sa.String(200), nullable=False),
    sa.Column("operation", sa.String(20), nullable=False),
    sa.Column("identifier", sa.String(100), nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("handle", sa.String(400), nullable=False),
    sa.Column("invalid", sa.BigInteger, nullable=False),
    sa.Column("words", sa.Text, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
)


@dataclass(frozen=True)
class ExportState:
    """Where an export stands: prepared, uploaded, parsing, published, usable or failed, and what somebody must do.

    `audience_id` is the platform's own; `changed_on` the last day on which its members changed, `members` how many were
    sent then. `approved` is the digest of what somebody approved, with so many members. `place` names the account that
    has its values, and `declared` is the digest of the account's declaration when the audience was opened.

    `doubted`: values may be on the platform that this home does not know, sent up to that day by the home that it was
    restored from; `withdrawing`: all that is to be withdrawn for that reason is written, and not confirmed yet.

    `purpose` is what its members were sent for, empty if nothing was sent yet.
    """

    export: str
    audience_id: str = ""
    state: str = "prepared"
    words: str = ""
    changed_on: date | None = None
    members: int = 0
    approved: str = ""
    approved_members: int | None = None
    place: str = ""
    declared: str = ""
    doubted: date | None = None
    withdrawing: bool = False
    purpose: str = ""


@dataclass(frozen=True)
class ExportBatch:
    """A batch that was sent: its key, operation (add, remove, replace), rows, and what the platform said of it.

    `state` is `sent` before the platform has answered, then that of its receipt; `unknown` if a run ended before.
    """

    batch: str
    export: str
    operation: str
    identifier: str
    rows: int
    state: str
    handle: str = ""
    invalid: int = 0
    words: str = ""


class Exports:
    """Exports and their batches. If they are lost, members are sent again, which changes nothing on a platform."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def state(self, export: str) -> ExportState:
        """Where an export stands; `prepared` before anything was sent."""
        return next((state for state in self.states() if state.export == export), ExportState(export))

    def states(self) -> list[ExportState]:
        """Every export that was ever begun, by name."""
        columns = [EXPORTS.c[name] for name in ExportState.__dataclass_fields__]
        with self._database.read() as connection:
            return [ExportState(*row) for row in connection.execute(sa.select(*columns).order_by(EXPORTS.c.export))]

    def waiting(self) -> list[str]:
        """Exports that a platform still reads or has to publish, or of which a batch is not confirmed."""
        states = sa.select(EXPORTS.c.export).where(EXPORTS.c.state.in_(("uploaded", "parsing", "published")))
        batches = sa.select(EXPORT_BATCHES.c.export).where(EXPORT_BATCHES.c.state.in_(("pending", "sent")))
        with self._database.read() as connection:
            return sorted({*connection.scalars(states), *connection.scalars(batches)})

    def save(self, state: ExportState) -> None:
        """Store where an export stands, but for its approval: somebody may have given it since the state was read."""
        approval = sa.select(EXPORTS.c.approved, EXPORTS.c.approved_members).where(EXPORTS.c.export == state.export)
        with self._database.write() as connection:
            standing = dict(connection.execute(approval).mappings().first() or {})
            self._database.upsert(connection, EXPORTS, [asdict(state) | standing | {"updated_at": now()}])

    def approve(self, export: str, digest: str, members: int) -> None:
        """Store what somebody approved, with so many members."""
        self.save(self.state(export))
        approval = {"approved": digest, "approved_members": members}
        with self._database.write() as connection:
            connection.execute(sa.update(EXPORTS).where(EXPORTS.c.export == export).values(approval))

    def note_purpose(self, export: str, purpose: str) -> None:
        """Store what the members of an export are sent for."""
        state = self.state(export)
        if state.purpose != purpose:
            self.save(replace(state, purpose=purpose))

    def mark_in_doubt(self, further: Iterable[str], until: date) -> None:
        """Mark every export that has an audience on a platform, and further ones.

        What was sent up to a day may be unknown here.
        """
        states = {state.export: state for state in self.states() if state.audience_id}
        for export in sorted({*states, *further}):
            state = states.get(export) or self.state(export)
            self.save(replace(state, doubted=until, withdrawing=False))

    def open(self, export: str) -> list[ExportBatch]:
        """Batches whose outcome is not known: the platform reads them (pending), or a run ended at them (sent)."""
        columns = [EXPORT_BATCHES.c[name] for name in ExportBatch.__dataclass_fields__]
        of_export = EXPORT_BATCHES.c.export == export, EXPORT_BATCHES.c.state.in_(("pending", "sent"))
        query = sa.select(*columns).where(*of_export).order_by(EXPORT_BATCHES.c.updated_at, EXPORT_BATCHES.c.batch)
        with self._database.read() as connection:
            return [ExportBatch(*row) for row in connection.execute(query)]

    def record(self, batches: Sequence[ExportBatch]) -> None:
        """Store what became of batches; a batch that is sent again replaces its earlier record."""
        at = now()
        with self._database.write() as connection:
            self._database.upsert(connection, EXPORT_BATCHES, [asdict(batch) | {"updated_at": at} for batch in batches])
