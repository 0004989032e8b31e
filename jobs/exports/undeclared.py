"""Exports that nobody declares any more, of which values are still on a platform."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from jobs.consent import gate
from jobs.consent.facts import Question, held_out
from jobs.exports import members
from jobs.exports.destinations import Destination, destinations
from jobs.exports.forms import formed, kinds_of
from jobs.exports.mirror.audience import mirror
from jobs.exports.mirror.difference import PLACE, current_set
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
from quanyu.store import ExportState

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

PURPOSE = "ads"


def steps(catalogue: Catalogue) -> list[Step]:
    """One step, if there is any account with an interface."""
    accounts = [each for each in destinations(catalogue).values() if issubclass(each.platform, OnlinePlatform)]
    if not accounts:
        return []
    return [Step(
        name="undeclared_exports", stage="exports", reads=gate.READS, as_of=True,
        writes=(members.PLACE, PLACE, place_of(AudienceStatus)),
        definition=digest([
            [account.digest() for account in accounts], sorted(_declared(catalogue)), sorted(catalogue.audiences)
        ]),
        run=partial(withdraw, accounts=accounts), reaches_people=True,
        describes="Withdraws from platforms who may no longer be there, of exports that nobody declares any more.",
    )]  # fmt: skip


def _declared(catalogue: Catalogue) -> Iterator[str]:
    return (f"{audience.name}.{name}" for audience in catalogue.audiences.values() for name in audience.send_to)


def withdraw(context: Context, receipt: Receipt, accounts: Sequence[Destination]) -> Outcome:
    """Withdraw everybody where an audience no longer names the account; where its file is gone, who may not be there.

    A deleted file proves nothing: the others stay until it is restored, or declared again with `ended`.
    """
    if barred := home_name.may_send(context.settings):
        return Outcome(notes=(f"nothing is withdrawn: {barred}",), run_again=True)
    by_name = {account.name: account for account in accounts}
    declared, notes, alerts, error = set(_declared(context.catalogue)), [], {}, None
    for state in context.store.exports.states():
        if state.export in declared or not state.audience_id:
            continue
        audience, _, name = state.export.partition(".")
        if name not in by_name:
            values = number_of(state.members, "value")
            alerts[state.export] = f"{state.export}: {values} may be on {name}: restore platforms/{name}.yml"
            continue
        try:
            is_kept = audience not in context.catalogue.audiences
            notes.append(_withdrawn(context, receipt, by_name[name], state, is_kept))
        except QuanyuError as failed:
            error = error or failed
    if error:
        raise error
    return Outcome(notes=(*notes, *alerts.values()), alerts=alerts)


def _withdrawn(context: Context, receipt: Receipt, account: Destination, state: ExportState, is_kept: bool) -> str:
    rows = _still_allowed(context, account, state.export)
    rows = rows if is_kept else rows.where("false")
    mirrored = mirror(context, receipt, account.open(), state.export, rows, ["it is not declared any more"], "")
    confirmed = members.without_unconfirmed(context, rows, current_set(context, state.export))
    members.record(context, state.export, confirmed, receipt)
    record_status(context, receipt, state.export, account, mirrored)
    if mirrored.error:
        raise mirrored.error
    there = f"{state.export} is not declared any more: {mirrored.removed:,} withdrawn, {mirrored.there:,} there"
    return f"{there}; restore the audience, or end it with `ended: DAY`" if is_kept and mirrored.there else there


def _still_allowed(context: Context, account: Destination, export: str) -> DataFrame:
    """Answers of the gate, formed, for the customers of the set: those with a reason are to be withdrawn."""
    customers = current_set(context, export).select("customer_id").distinct()
    question = Question(PURPOSE, ANY, kinds_of(account.forms))
    held = held_out(context, export.partition(".")[0])
    answers = formed(gate.check_consent(context, question, customers, held), account.forms, account.scopes)
    return members.without_formless(context, answers)
