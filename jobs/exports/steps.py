"""Export steps: select the members who may be sent to a platform, format and hash them, and deliver one set per day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from jobs.consent import gate
from jobs.consent.facts import feeds
from jobs.consent.missing_answers import reasons_to_wait
from jobs.exports import members
from jobs.exports.facts import ExportFacts, ReachCounts
from jobs.exports.file_drop import FileDrop
from jobs.exports.platform import Delivered, Platform
from quanyu import discover, imports
from quanyu.config.settings import Settings, secret
from quanyu.files import Bucket, folder, open_bucket
from quanyu.fingerprint import fingerprint
from quanyu.grammar.audience import Audience
from quanyu.grammar.declaration import digest
from quanyu.home import home_name
from quanyu.lake import place_of
from quanyu.lake.receipt import Receipt
from quanyu.literals import quoted
from quanyu.model.entities import Customer
from quanyu.model.outcomes import memberships_of
from quanyu.run import audience_days
from quanyu.run.runner import Context, Outcome, Step

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

READS = (place_of(memberships_of(Customer)), *gate.READS)
Row = tuple[str | None, ...]
# Customer, kind and hash.
Address = tuple[str, str, str]


def platforms() -> dict[str, type[Platform]]:
    """Every platform by the name of its file; audiences use this name under send_to."""
    classes = imports.subclasses(imports.modules("jobs.exports.platforms"), Platform)
    return {platform.__module__.rpartition(".")[2]: platform for platform in classes}


def steps(catalogue: discover.Catalogue) -> list[Step]:
    """List one step per audience and platform."""
    classes = platforms()
    pairs = [(audience, name) for audience in catalogue.audiences.values() for name in audience.send_to]
    return [_step(catalogue.settings, audience, name, classes[name]) for audience, name in pairs]


def _step(settings: Settings, audience: Audience, name: str, platform: type[Platform]) -> Step:
    declared = [settings.name, settings.drop.model_dump(), settings.suppression.model_dump()]
    return Step(
        name=f"export.{audience.name}.{name}", stage="exports", reads=READS, writes=(members.PLACE,), as_of=True,
        definition=digest([audience.digest(), declared, fingerprint(platform.__module__)]),
        run=partial(export, audience=audience, name=name, platform=platform),
        inputs=partial(_depends, audience=audience),
        describes=f"Sends the members of {audience.name} who consented to {audience.purpose} to {name}.",
        reaches_people=True,
    )  # fmt: skip


def _depends(context: Context, audience: Audience) -> Mapping[str, Any]:
    """Reasons to add nobody, and versions of the quarantine: if they change, the export runs again."""
    places = [f"quarantine/{source}" for source in feeds(context, audience.purpose)]
    return {
        "the reasons to add nobody": reasons_to_add_nobody(context, audience),
        "the quarantine of consents": {place: context.lake.version(place) for place in places},
    }


def reasons_to_add_nobody(context: Context, audience: Audience) -> list[str]:
    """Reasons why nobody may be added to the set now; empty if there are none."""
    stale = audience_days.stale(context).get(audience.name)
    words = [*([stale] if stale else []), *reasons_to_wait(context, audience.purpose)]
    return words if context.sends else [*words, "this run was started to compute alone"]


def export(context: Context, receipt: Receipt, audience: Audience, name: str, platform: type[Platform]) -> Outcome:
    """Deliver the complete set of the day and store what became of each member. A copied home delivers nothing.

    While there are doubts about consents or memberships, the set is the last delivered one without members who may no
    longer be contacted.
    """
    task, waits = f"{audience.name}.{name}", reasons_to_add_nobody(context, audience)
    if barred := home_name.may_send(context.settings):
        return _held_back(f"nothing is exported: {barred}")
    if waits and not members.was_ever_delivered(context, task):
        return _held_back(f"nothing is exported: {'; '.join(waits)}")
    rows = members.answers(context, audience, platform.identifiers())
    if waits:
        rows = members.without_additions(context, rows, task)
    values, not_taken = formatted_rows(platform, with_identifiers(rows, platform.identifiers()))
    rows = members.without_rejected(context, rows, not_taken)
    counted = counts(rows)
    facts = {
        "counts": asdict(counted), "definition": audience.digest(), "purpose": audience.purpose,
        "hash": {kind: form.hash for kind, form in platform.forms.items()}, "tables": receipt.inputs,
        "name": context.settings.name, "home": home_name.identity(context.settings),
    }  # fmt: skip
    delivered = _deliver(context, audience, platform, values, facts)
    members.record(context, task, rows, receipt)
    summary = ExportFacts(**asdict(counted), location=delivered.location, parts=delivered.parts, rows=delivered.rows)
    notes = (*(f"only removals were exported: {words}" for words in waits), *counted.notes(audience))
    alerts = {"held": f"only removals were exported: {'; '.join(waits)}"} if waits else {}
    return Outcome(counted.members, counted.customers, notes=notes, facts=summary, alerts=alerts)


def _held_back(words: str) -> Outcome:
    return Outcome(notes=(words,), run_again=True, alerts={"held": words})


# Outcomes of a member, best first.
_OUTCOMES = {
    "customers": "reason is null",
    "holdout": f"cause = '{gate.HELD_OUT}'",
    "without_consent": f"cause = '{gate.CONSENT}'",
    "without_identifier": f"cause = '{gate.ADDRESS}'",
    "not_added": f"reason = {quoted(members.NOT_ADDED)}",
    "barred": "true",
}


def counts(rows: DataFrame) -> ReachCounts:
    """Count each member once, by the best outcome of their addresses."""
    from pyspark.sql import functions as F  # noqa: N812

    cases = " ".join(f"when {condition} then {n}" for n, condition in enumerate(_OUTCOMES.values()))
    best = F.expr(f"min(case {cases} end)").alias("best")
    shares = F.expr(f"bool_or(coalesce(cause = '{gate.SHARED}', false))").alias("shares")
    each = rows.groupBy("customer_id").agg(best, shares).groupBy("best", "shares").count().collect()
    by_name = Counter({"members": sum(row["count"] for row in each)})
    for row in each:
        by_name[list(_OUTCOMES)[row["best"]]] += row["count"]
        by_name["shared"] += row["count"] if row["shares"] else 0
    return ReachCounts(**by_name)


def with_identifiers(rows: DataFrame, kinds: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    """Stream customers who may be sent: customer_id, and per kind a list of (recorded_on, value, address_hash).

    Lists are sorted, newest first.
    """
    from pyspark.sql import functions as F  # noqa: N812

    free = rows.where("reason is null")
    entry = "struct(recorded_on, value, address_hash)"
    ranked = [
        F.expr(f"sort_array(collect_list(if(kind = '{kind}', {entry}, null)), false)").alias(kind) for kind in kinds
    ]
    for row in free.groupBy("customer_id").agg(*ranked).toLocalIterator():
        yield row.asDict()


def formatted_rows(platform: type[Platform], customers: Iterable[Mapping[str, Any]]) -> tuple[list[Row], list[Address]]:
    """Format all customers. Returns the rows, and the addresses that the platform does not accept.

    The newest values of all kinds share a row, then the next ones, so that each value is in one row, not in every
    combination.
    """
    rows: list[Row] = []
    not_taken: list[Address] = []
    for customer in customers:
        entries = {kind: customer.get(kind) or () for kind in platform.identifiers()}
        ranks = zip_longest(*entries.values())
        formatted = (
            platform.format_row({kind: entry and entry[1] for kind, entry in zip(entries, rank, strict=True)})
            for rank in ranks
        )
        rows += [row for row in dict.fromkeys(formatted) if any(value is not None for value in row)]
        not_taken += [
            (customer["customer_id"], kind, entry[2])
            for kind, listed in entries.items()
            for entry in listed
            if platform.forms[kind].apply(entry[1]) is None
        ]
    return rows, not_taken


def destination(settings: Settings) -> Bucket:
    """Open the bucket of the settings, or the folder `exports` of the home if none is set."""
    drop = settings.drop
    if drop.bucket is None:
        return folder(settings.home / "exports")
    keys = {"access_key": secret(drop.access_key) or None, "secret_key": secret(drop.secret_key) or None}
    return open_bucket(drop.bucket, endpoint_url=drop.endpoint, region=drop.region, **keys)


def _deliver(
    context: Context, audience: Audience, platform: type[Platform], rows: list[Row], facts: Mapping[str, Any]
) -> Delivered:
    limits = (context.settings.drop.max_rows, context.lake.staging.folder())
    opened = platform(*limits) if issubclass(platform, FileDrop) else platform()
    bucket = destination(context.settings)
    batches = _sorted_batches(platform, rows)
    return opened.deliver(bucket, audience.name, context.day, batches, platform.columns(), facts)


def _sorted_batches(platform: type[Platform], rows: list[Row]) -> Iterator[pa.RecordBatch]:
    """The rows without repetition, ascending, each with the values of one file."""
    import pyarrow as pa

    files = platform.seed_files() if issubclass(platform, FileDrop) else ()
    groups = [file.identifiers for file in files] or [platform.identifiers()]
    for group in groups:
        inside = [identifier in group for identifier in platform.identifiers()]
        parts = {tuple(value if one else None for value, one in zip(row, inside, strict=True)) for row in rows}
        ordered = sorted(parts - {(None,) * len(inside)}, key=lambda row: [value or "" for value in row])
        if ordered:
            columns = [pa.array(column, pa.string()) for column in zip(*ordered, strict=True)]
            yield pa.record_batch(columns, names=list(platform.columns()))
