"""An account with an interface, on which audiences are mirrored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobs.exports.destination import RESTORE, Destination, Withdrawn
from quanyu.lake.receipt import Receipt
from quanyu.run.runner import Context

if TYPE_CHECKING:
    from jobs.exports.mirror.mirrored import Mirrored


@dataclass(frozen=True)
class MirroredDestination(Destination):
    """A platform with an interface."""

    def withdraw(self, context: Context, receipt: Receipt, export: str, is_kept: bool) -> Withdrawn:
        """Withdraw from the account, over as many runs as the platform takes to confirm it."""
        # Declarations are checked without the code that sends.
        from jobs.exports import members
        from jobs.exports.mirror.audience import mirror
        from jobs.exports.mirror.difference import current_set
        from jobs.exports.mirror.status import record_status

        current = current_set(context, export)
        rows = members.still_allowed(context, export, current, self.forms, self.scopes)
        rows = rows if is_kept else rows.where("false")
        mirrored = mirror(context, receipt, self.open(), export, rows, ["it is not declared any more"], "")
        confirmed = members.without_unconfirmed(context, rows, current_set(context, export))
        members.record(context, export, confirmed, receipt)
        record_status(context, receipt, export, self, mirrored)
        if mirrored.error:
            raise mirrored.error
        refusals = mirrored.alerts(self.platform.name)
        alerts = {f"{export}.{kind}": f"{export}: {words}" for kind, words in refusals.items()}
        return Withdrawn((_note(export, mirrored, is_kept),), alerts, mirrored.is_open)


def _note(export: str, mirrored: Mirrored, is_kept: bool) -> str:
    # After a restored backup it is not sure of any value that it is there.
    there = mirrored.there + mirrored.waiting
    words = f"{export} is not declared any more: {mirrored.removed:,} withdrawn, {there:,} there"
    return f"{words}; {RESTORE}" if is_kept and there else words
