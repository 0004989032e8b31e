"""Export steps: select the members who may be sent to a destination, in its form, and mirror or deliver them there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from jobs.audiences.memberships.due import step_of
from jobs.consent import gate
from jobs.consent.facts import feeds
from jobs.exports import gates, members, undeclared
from jobs.exports.destination import Destination
from jobs.exports.destinations import destinations
from jobs.exports.facts import ExportFacts, MirrorFacts
from jobs.exports.files.delivery import deliver
from jobs.exports.forms import formed, kinds_of
from jobs.exports.mirror.audience import mirror
from jobs.exports.mirror.difference import PLACE as SETS
from jobs.exports.mirror.difference import current_set
from jobs.exports.mirror.status import record_status
from jobs.exports.platform import OnlinePlatform
from quanyu import discover
from quanyu.config.settings import Settings
from quanyu.grammar.audience import Audience
from quanyu.grammar.declaration import digest
from quanyu.grammar.tags import profile_column
from quanyu.home import home_name
from quanyu.lake import place_of
from quanyu.lake.receipt import Receipt
from quanyu.model.entities import Customer
from quanyu.model.exports import AudienceStatus
from quanyu.model.outcomes import memberships_of
from quanyu.run.runner import Context, Outcome, Step

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

PROFILE = f"gold/profile_{Customer.name}"
READS = (place_of(memberships_of(Customer)), *gate.READS)


def steps(catalogue: discover.Catalogue) -> list[Step]:
    """List one step per audience and destination."""
    known = destinations(catalogue)
    pairs = [(audience, name) for audience in catalogue.audiences.values() for name in audience.send_to]
    exports = [_step(catalogue.settings, audience, known[name]) for audience, name in pairs if name in known]
    return [*exports, *undeclared.steps(catalogue)]


def _step(settings: Settings, audience: Audience, destination: Destination) -> Step:
    declared = [settings.name, settings.drop.model_dump(), settings.suppression.model_dump()]
    is_online = issubclass(destination.platform, OnlinePlatform)
    reads = (*READS, PROFILE) if audience.seed and audience.seed.value else READS
    writes = (members.PLACE, SETS, place_of(AudienceStatus)) if is_online else (members.PLACE,)
    return Step(
        name=f"export.{audience.name}.{destination.name}", stage="exports", reads=reads, writes=writes, as_of=True,
        definition=digest([audience.digest(), declared, destination.digest()]),
        run=partial(export, audience=audience, destination=destination),
        inputs=partial(_depends, audience=audience, destination=destination),
        describes=f"Sends the members of {audience.name} who consented to {audience.purpose} to {destination.name}.",
        reaches_people=True,
    )  # fmt: skip


def _depends(context: Context, audience: Audience, destination: Destination) -> Mapping[str, Any]:
    """Reasons to add nobody, approval, doubts, and versions of the quarantine: if they change, it runs again."""
    state = context.store.exports.state(f"{audience.name}.{destination.name}")
    places = [f"quarantine/{source}" for source in feeds(context, audience.purpose)]
    return {
        "the reasons to add nobody": gates.doubts(context, audience),
        "the approval": state.approved,
        "what may have been sent before a backup was restored": str(state.doubted or ""),
        "the quarantine of consents": {place: context.lake.version(place) for place in places},
    }


def export(context: Context, receipt: Receipt, audience: Audience, destination: Destination) -> Outcome:
    """Bring the destination to the members of the day, and store what became of each. A copied home sends nothing.

    While there are doubts about consents or memberships, or the set awaits approval or leaves its band, nobody is
    added; who may no longer be contacted is withdrawn.
    """
    if barred := home_name.may_send(context.settings):
        return _held_back(f"nothing is exported: {barred}")
    memberships = step_of(Customer)
    stands = context.forward_day(memberships) if memberships in context.steps else None
    if stands is not None and stands > context.day:
        # Memberships of an earlier day would withdraw everybody who entered since.
        return Outcome(notes=(f"kept: the members of {stands} were sent, and this run is for an earlier day",))
    is_online = issubclass(destination.platform, OnlinePlatform)
    selected = select(context, audience, destination)
    if selected.waits and not is_online and not members.was_ever_delivered(context, selected.export):
        return _held_back(f"nothing is exported: {'; '.join(selected.waits)}")
    if is_online:
        return _mirror(context, receipt, audience, destination, selected)
    return _drop(context, receipt, audience, destination, selected)


@dataclass(frozen=True)
class Selected:
    """Who may be sent: answers of the gate with the platform's forms, how many customers, and reasons to add nobody."""

    export: str
    rows: DataFrame
    customers: int
    waits: list[str]


def select(context: Context, audience: Audience, destination: Destination) -> Selected:
    """Ask the gate for the members of an audience, and put what may be sent into the destination's form."""
    name = f"{audience.name}.{destination.name}"
    rows = members.answers(context, audience, kinds_of(destination.forms))
    rows = members.without_formless(context, formed(rows, destination.forms, destination.scopes))
    customers = rows.where("reason is null").select("customer_id").distinct().count()
    state = context.store.exports.state(name)
    before = members.last_set(context, name).select("customer_id").distinct().count() if audience.size else 0
    waits = [*gates.doubts(context, audience), *gates.limits(audience, destination, state, customers, before)]
    if waits:
        sent = members.last_set(context, name)
        if issubclass(destination.platform, OnlinePlatform):
            sent = sent.unionByName(sent_before(context, name)).distinct()
        rows = members.without_additions(context, rows, sent)
    return Selected(name, rows, customers, waits)


def sent_before(context: Context, export: str) -> DataFrame:
    """Addresses whose values are on a platform or on their way: customer_id, kind, address_hash."""
    rows = current_set(context, export).where("state in ('adding', 'there')")
    return rows.selectExpr("customer_id", "split_part(identifier, ':', 1) as kind", "address_hash")


def _mirror(
    context: Context, receipt: Receipt, audience: Audience, destination: Destination, selected: Selected
) -> Outcome:
    context.store.exports.note_purpose(selected.export, audience.purpose)
    mirrored = mirror(
        context, receipt, destination.open(), selected.export, selected.rows, selected.waits, audience.describes,
        _weights(context, audience),
    )  # fmt: skip
    rows = members.without_unconfirmed(context, selected.rows, current_set(context, selected.export))
    members.record(context, selected.export, rows, receipt)
    record_status(context, receipt, selected.export, destination, mirrored)
    if mirrored.error:
        raise mirrored.error
    counted = members.counts(selected.rows)
    facts = MirrorFacts.of(counted, destination.platform.name, mirrored)
    is_unpublished = bool(mirrored.status and mirrored.status.state in ("parsing", "published"))
    pending = mirrored.is_open or ((mirrored.waiting > 0 or is_unpublished) and not selected.waits)
    notes = (*_held_notes(selected.waits), *mirrored.notes(), *counted.notes(audience))
    alerts = mirrored.alerts(destination.platform.name)
    return Outcome(
        counted.members, mirrored.there, notes=(*notes, *alerts.values()), facts=facts, run_again=pending,
        alerts={**_alerts(selected.waits), **alerts},
    )  # fmt: skip


def _weights(context: Context, audience: Audience) -> pa.Table | None:
    """What a member of a seed is worth: customer_id and weight; None if the audience gives no value."""
    if audience.seed is None or audience.seed.value is None:
        return None
    column = profile_column(audience.seed.value)
    return context.lake.rows(PROFILE, ["customer_id", column]).rename_columns(["customer_id", "weight"])


def _drop(
    context: Context, receipt: Receipt, audience: Audience, destination: Destination, selected: Selected
) -> Outcome:
    counted = members.counts(selected.rows)
    facts = {"counts": asdict(counted), "definition": audience.digest(), "purpose": audience.purpose}
    free = selected.rows.where("reason is null")
    context.store.exports.note_purpose(selected.export, audience.purpose)
    delivered = deliver(context, receipt, destination, audience.name, free, facts)
    members.record(context, selected.export, selected.rows, receipt)
    summary = ExportFacts(**asdict(counted), location=delivered.location, parts=delivered.parts, rows=delivered.rows)
    notes = (*_held_notes(selected.waits), *counted.notes(audience))
    return Outcome(
        counted.members, counted.customers, notes=notes, facts=summary, alerts=_alerts(selected.waits)
    )  # fmt: skip


def _held_notes(waits: Sequence[str]) -> Iterator[str]:
    return (f"only removals were exported: {words}" for words in waits)


def _alerts(waits: Sequence[str]) -> Mapping[str, str]:
    return {"held": f"only removals were exported: {'; '.join(waits)}"} if waits else {}


def _held_back(words: str) -> Outcome:
    return Outcome(notes=(words,), run_again=True, alerts={"held": words})
