"""Steps of unification: identities, then customers and activity."""

from __future__ import annotations

from functools import partial

from jobs.unify import activity as activity_job
from jobs.unify import attributes as attributes_job
from jobs.unify import customers as customers_job
from jobs.unify import customers_of_day
from jobs.unify import item_paths as item_paths_job
from jobs.unify import referral_events as referral_events_job
from jobs.unify.identify import identify
from jobs.unify.records import match_state, reader
from quanyu.discover import Catalogue
from quanyu.grammar.declaration import digest
from quanyu.grammar.job import Job
from quanyu.lake import WriteCounts
from quanyu.lake.receipt import Receipt
from quanyu.model.entities import Customer
from quanyu.plurals import number_of
from quanyu.point_in_time import as_of, touched
from quanyu.run.runner import Context, Outcome, Step

# Tables that can be computed again from silver and the id log; the log itself cannot.
REMADE = (
    "gold/identities", "gold/identity_aside", "gold/identity_reviews", "gold/identity_proposals", match_state.RECORDS,
    match_state.PAIRS,
)  # fmt: skip


def steps(catalogue: Catalogue) -> list[Step]:
    """List the steps in the order in which they feed each other."""
    ids = Step(
        "identities", "unify", _read_by_ids(catalogue), ("gold/identities", "gold/identity_events"),
        _definition(catalogue), identify,
        "Resolves the persons of all sources to customers with stable ids.", forward=True, rebuilds=REMADE,
    )  # fmt: skip
    jobs = (customers_job.customers, activity_job.activity, attributes_job.customer_attributes,
            item_paths_job.item_paths, referral_events_job.referral_events)  # fmt: skip
    return [ids, *(_of_job(job, catalogue) for job in jobs)]


def _definition(catalogue: Catalogue) -> str:
    others = reader.third_party_feeds(catalogue)
    return digest([catalogue.tables["identities"].definition(), catalogue.identity.digest(), others])


def _read_by_ids(catalogue: Catalogue) -> tuple[str, ...]:
    masters = {f"silver/{name.partition('.')[0]}" for b in catalogue.identity.blocked.values() for name in b.masters}
    own = ("identity_verdicts", "identity_acceptances", "identity_models")
    return (reader.IDENTIFIERS, reader.PEOPLE, *sorted(masters), *(f"gold/{name}" for name in own))


def _of_job(job: Job, catalogue: Catalogue) -> Step:
    reads = tuple(dict.fromkeys((*job.places(), *as_of.entity_sources(Customer))))
    settings = [catalogue.settings.survivorship] if "survivorship" in job.extra_inputs else []
    definition = digest([job.definition(), catalogue.tables[job.writes.name].definition(), settings])
    place = f"gold/{job.writes.name}"
    return Step(
        job.name, "unify", reads, (place,), definition, partial(write, job=job), job.describes, forward=True,
        rebuilds=(place,),
        inputs=partial(touched.tables_behind, places=(*reads, place)) if customers_of_day.are_enough(job) else None,
    )  # fmt: skip


def write(context: Context, receipt: Receipt, job: Job) -> Outcome:
    """Write what a job makes of the facts up to the end of the day: of the customers that it touches, or of all."""
    table = context.catalogue.tables[job.writes.name]
    if not customers_of_day.are_enough(job):
        return _outcome(context.lake.sync(table, as_of.of_job(context, job, context.day), receipt))
    customers = customers_of_day.touched_customers(context, job)
    if isinstance(customers, str):
        written = context.lake.sync(table, as_of.of_job(context, job, context.day), receipt)
        return _outcome(written, f"computed in full: {customers}")
    stored = context.lake.count_rows(f"gold/{table.name}")
    rows = as_of.of_job(context, job, context.day, among=customers.rows)
    written = context.lake.sync(table, rows, receipt, among=customers.rows)
    unchanged = stored - written.updated - written.deleted
    note = f"{number_of(customers.count, 'customer')} touched"
    return Outcome(unchanged + written.inserted + written.updated, written.changed, 0, unchanged, notes=(note,))


def _outcome(written: WriteCounts, *notes: str) -> Outcome:
    total = written.inserted + written.updated + written.unchanged
    return Outcome(total, written.changed, 0, written.unchanged, notes=notes)
