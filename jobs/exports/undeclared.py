"""Exports that nobody declares any more, of which values are still on a platform or in a delivered set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from jobs.consent import gate
from jobs.exports import members
from jobs.exports.destination import Destination
from jobs.exports.destinations import destinations
from jobs.exports.mirror.difference import PLACE
from quanyu.discover import Catalogue
from quanyu.errors import QuanyuError
from quanyu.grammar.declaration import digest
from quanyu.home import home_name
from quanyu.lake import place_of
from quanyu.lake.receipt import Receipt
from quanyu.model.exports import AudienceStatus
from quanyu.plurals import number_of
from quanyu.run.runner import Context, Outcome, Step


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
            withdrawn = known[name].withdraw(context, receipt, export, is_kept)
        except QuanyuError as failed:
            error = error or failed
            continue
        notes += withdrawn.notes
        alerts |= withdrawn.alerts
        is_open = is_open or withdrawn.is_open
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
