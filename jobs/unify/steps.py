"""Steps of unification: identities, then customers and activity."""

from __future__ import annotations

from functools import partial

from jobs.unify import activity as activity_job
from jobs.unify import attributes as attributes_job
from jobs.unify import customers as customers_job
from jobs.unify.identify import identify
from jobs.unify.records import match_state, reader
from quanyu.discover import Catalogue
from quanyu.grammar.declaration import digest
from quanyu.grammar.job import Job
from quanyu.lake import WriteCounts
from quanyu.lake.receipt import Receipt
from quanyu.model.entities import Customer
from quanyu.point_in_time import as_of
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
    jobs = (customers_job.customers, activity_job.activity, attributes_job.customer_attributes)
    return [ids, *(_of_job(job, catalogue) for job in jobs)]


def _definition(catalogue: Catalogue) -> str:
    others = reader.third_party_feeds(catalogue)
    return digest([catalogue.tables["identities"].definition(), catalogue.identity.digest(), others])


def _read_by_ids(catalogue: Catalogue) -> tuple[str, ...]:
    masters = {f"silver/{name.partition('.')[0]}" for b in catalogue.identity.blocked.values() for name in b.masters}
    own = ("identity_verdicts", "identity_acceptances", "identity_models")
    return (reader.IDENTIFIERS, reader.PEOPLE, *sorted(masters), *(f"gold/{name}" for name in own))


def _of_job(job: Job, catalogue: Catalogue) -> Step:
    reads = (*(f"silver/{table.name}" for table in job.reads), *as_of.entity_sources(Customer))
    settings = [catalogue.settings.survivorship] if "survivorship" in job.extra_inputs else []
    definition = digest([job.definition(), catalogue.tables[job.writes.name].definition(), settings])
    return Step(
        job.name, "unify", tuple(dict.fromkeys(reads)), (f"gold/{job.writes.name}",),
        definition, partial(write, name=job.writes.name), job.describes, forward=True,
        rebuilds=(f"gold/{job.writes.name}",),
    )  # fmt: skip


def write(context: Context, receipt: Receipt, name: str) -> Outcome:
    """Write the result of a job over the facts up to the end of the day."""
    table = context.catalogue.tables[name]
    return _outcome(context.lake.sync(table, as_of.facts(context, table, context.day).drop("as_of"), receipt))


def _outcome(written: WriteCounts) -> Outcome:
    return Outcome(written.inserted + written.updated + written.unchanged, written.changed, 0, written.unchanged)
