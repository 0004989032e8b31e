"""A platform that takes files: each delivered set is whole."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from jobs.exports.destination import RESTORE, Destination, Withdrawn
from quanyu.lake.receipt import Receipt
from quanyu.plurals import number_of
from quanyu.run.runner import Context


@dataclass(frozen=True)
class FileDestination(Destination):
    """A platform that takes files, with or without an account."""

    def withdraw(self, context: Context, receipt: Receipt, export: str, is_kept: bool) -> Withdrawn:
        """Deliver the set without those who may no longer be in it, once for each change; say what is still in it."""
        # Declarations are checked without the code that sends.
        from jobs.exports import members
        from jobs.exports.files.delivery import deliver

        last = members.last_day(context, export)
        if last is not None and last > context.day:
            # A set of an earlier day would be none that is read, and who left it would count as withdrawn.
            return Withdrawn((f"{export}: kept: the set of {last} was delivered, and this run is for an earlier day",))
        before = members.last_set(context, export)
        rows = members.still_allowed(context, export, before, self.forms, self.scopes)
        rows = members.without_additions(context, rows if is_kept else rows.where("false"), before)
        free = rows.where("reason is null")
        addresses = ("customer_id", "kind", "address_hash")
        withdrawn = before.join(free.select(*addresses), [*addresses], "left_anti").count()
        if not withdrawn:
            return Withdrawn()
        audience = export.partition(".")[0]
        declared = context.catalogue.audiences.get(audience)
        facts = {"counts": asdict(members.counts(rows)), "definition": declared.digest() if declared else None,
                 "purpose": members.purpose_of(context, export)}  # fmt: skip
        delivered = deliver(context, receipt, self, audience, free, facts)
        members.record(context, export, rows, receipt)
        left = f"{number_of(delivered.rows, 'row')} left in {delivered.location}"
        words = f"{export} is not declared any more: {withdrawn:,} withdrawn, {left}"
        return Withdrawn((f"{words}; {RESTORE}" if is_kept and delivered.rows else words,))
