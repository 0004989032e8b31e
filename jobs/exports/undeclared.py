"""Exports that nobody declares any more, of which values are still on a platform or in a delivered set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

from jobs.consent import gate
from jobs.consent.facts import Question, held_out
from jobs.exports import members
from jobs.exports.destinations import Destination, destinations
from jobs.exports.files.delivery import deliver
from jobs.exports.forms import formed, kinds_of
from jobs.exports.mirror.audience import mirror
from jobs.exports.mirror.difference import PLACE, current_set
from jobs.exports.mirror.mirrored import Mirrored
from jobs.exports.mirror.status import record_status
from jobs.exports.platform import OnlinePlatform
from quanyu.discover import Catalogue
from quanyu.errors import QuanyuError
from quanyu.grammar.declaration import digest
from quanyu.home import home_name
from quanyu.lake import place_of
from quanyu.lake.receipt import Receipt
from quanyu.model.exports import AudienceStatus
from quanyu.model.people import ANY
from quanyu.plurals import number_of
from quanyu.run.runner import Context, Outcome, Step

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

ADS = "ads"
RESTORE = "restore the audience, or end it with `ended: DAY`"


def steps(catalogue: Catalogue) -> list[Step]:
    """One step for all of them: what was sent stays where it is, whatever is declared now."""
    known = destinations(catalogue)
    return [Step(
        name="undeclared_exports", stage="exports", reads=gate.READS, as_of=True,
        writes=(members.PLACE, PLACE, place_of(AudienceStatus)),
        definition=digest([
            [destination.digest() for destination in known.values()], sorted(_declared(catalogue)),
            sorted(catalogue.audiences), catalogue.settings.name, catalogue.settings.drop.model_dump(),
        ]),
        run=partial(withdraw, known=known), inputs=_doubts, reaches_people=True,
        describes="Withdraws from destinations who may no longer be there, of exports that nobody declares any more.",
    )]  # fmt: skip


def _doubts(context: Context) -> Mapping[str, Any]:
    """What a restored backup leaves in doubt: the step runs again then."""
    return {state.export: str(state.doubted) for state in context.store.exports.states() if state.doubted}


def _declared(catalogue: Catalogue) -> Iterator[str]:
    return (f"{audience.name}.{name}" for audience in catalogue.audiences.values() for name in audience.send_to)


def withdraw(context: Context, receipt: Receipt, known: Mapping[str, Destination]) -> Outcome:
    """Withdraw all where an audience no longer names its destination; where its file is gone, who may not be there.

    A deleted file proves nothing: the others stay until it is restored, or declared again with `ended`.
    """
    if barred := home_name.may_send(context.settings):
        return Outcome(notes=(f"nothing is withdrawn: {barred}",), run_again=True)
    notes, alerts, error = list[str](), dict[str, str](), None
    is_open = False
    for export, values in sorted(_undeclared(context).items()):
        audience, _, name = export.partition(".")
        if name not in known:
            alerts[export] = f"{export}: {number_of(values, 'value')} may be on {name}: restore platforms/{name}.yml"
            continue
        is_kept = audience not in context.catalogue.audiences
        try:
            if issubclass(known[name].platform, OnlinePlatform):
                mirrored = _withdrawn(context, receipt, known[name], export, is_kept)
                notes.append(_withdrawal_note(export, mirrored, is_kept))
                is_open = is_open or mirrored.is_open
                refusals = mirrored.alerts(known[name].platform.name)
                alerts |= {f"{export}.{kind}": f"{export}: {words}" for kind, words in refusals.items()}
            else:
                notes += _replaced(context, receipt, known[name], export, is_kept)
        except QuanyuError as failed:
            error = error or failed
    if error:
        raise error
    return Outcome(notes=(*notes, *alerts.values()), alerts=alerts, run_again=is_open)


def _undeclared(context: Context) -> dict[str, int]:
    """Exports that nobody declares any more, each with the number of values that may still be there."""
    from pyarrow import compute

    exports = context.store.exports
    open_ = {state.export: 0 for state in exports.states() if state.doubted or exports.open(state.export)}
    may_be_there = members.rows_by_export(context, PLACE, compute.field("state") != "refused")
    present = {**open_, **members.delivered_exports(context), **may_be_there}
    declared = set(_declared(context.catalogue))
    return {export: values for export, values in present.items() if export not in declared}


def _withdrawn(
    context: Context, receipt: Receipt, account: Destination, export: str, is_kept: bool
) -> Mirrored:  # fmt: skip
    """Withdraw from an account."""
    rows = _still_allowed(context, account, export, current_set(context, export))
    rows = rows if is_kept else rows.where("false")
    mirrored = mirror(context, receipt, account.open(), export, rows, ["it is not declared any more"], "")
    confirmed = members.without_unconfirmed(context, rows, current_set(context, export))
    members.record(context, export, confirmed, receipt)
    record_status(context, receipt, export, account, mirrored)
    if mirrored.error:
        raise mirrored.error
    return mirrored


def _withdrawal_note(export: str, mirrored: Mirrored, is_kept: bool) -> str:
    # After a restored backup it is not sure of any value that it is there.
    there = mirrored.there + mirrored.waiting
    words = f"{export} is not declared any more: {mirrored.removed:,} withdrawn, {there:,} there"
    return f"{words}; {RESTORE}" if is_kept and there else words


def _replaced(
    context: Context, receipt: Receipt, destination: Destination, export: str, is_kept: bool
) -> Iterator[str]:  # fmt: skip
    """Deliver the set without those who may no longer be in it, once for each change; say what is still in it."""
    last = members.last_day(context, export)
    if last is not None and last > context.day:
        # A set of an earlier day would be none that is read, and who left it would count as withdrawn.
        yield f"{export}: kept: the set of {last} was delivered, and this run is for an earlier day"
        return
    before = members.last_set(context, export)
    rows = _still_allowed(context, destination, export, before)
    rows = members.without_additions(context, rows if is_kept else rows.where("false"), before)
    free = rows.where("reason is null")
    addresses = ("customer_id", "kind", "address_hash")
    withdrawn = before.join(free.select(*addresses), [*addresses], "left_anti").count()
    if not withdrawn:
        return
    audience = export.partition(".")[0]
    declared = context.catalogue.audiences.get(audience)
    facts = {"counts": asdict(members.counts(rows)), "definition": declared.digest() if declared else None,
             "purpose": _purpose(context, export)}  # fmt: skip
    delivered = deliver(context, receipt, destination, audience, free, facts)
    members.record(context, export, rows, receipt)
    there = f"{export} is not declared any more: {withdrawn:,} withdrawn, {number_of(delivered.rows, 'row')} left in"
    yield f"{there} {delivered.location}" + (f"; {RESTORE}" if is_kept and delivered.rows else "")


def _purpose(context: Context, export: str) -> str:
    """What the members were sent for: advertising, unless it is known."""
    return context.store.exports.state(export).purpose or ADS


def _still_allowed(context: Context, destination: Destination, export: str, present: DataFrame) -> DataFrame:
    """Answers of the gate, formed, for the customers that are present: those with a reason are to be withdrawn."""
    question = Question(_purpose(context, export), ANY, kinds_of(destination.forms))
    held = held_out(context, export.partition(".")[0])
    customers = present.select("customer_id").distinct()
    answers = gate.check_consent(context, question, customers, held)
    return members.without_formless(context, formed(answers, destination.forms, destination.scopes))
