"""The step of a job that takes tags of customers: facts about others than customers, by what customers are."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from quanyu.discover import Catalogue
from quanyu.errors import nearest
from quanyu.grammar.declaration import Problems, digest
from quanyu.grammar.job import Job
from quanyu.grammar.lifecycle import Use
from quanyu.grammar.names import with_inputs
from quanyu.lake import place_of
from quanyu.lake.receipt import Receipt
from quanyu.model.entities import Customer
from quanyu.point_in_time import as_of
from quanyu.run.runner import Context, Outcome, Step


def uses(jobs: Iterable[Job]) -> list[Use]:
    """What jobs take of customers."""
    return [
        Use(Customer.name, name, f"job {job.name}", f"{job.function.__module__}.{job.name}", "tags")
        for job in jobs
        for name in (job.tags.names if job.tags else ())
    ]


def check(jobs: Iterable[Job], catalogue: Catalogue, problems: Problems) -> None:
    """Add each tag that a job takes and nobody declares. Those with mistakes are reported with their own file."""
    names = catalogue.names(Customer)
    for use in uses(jobs):
        if use.name not in names:
            message = f"{use.user} takes {use.name}, which is not declared; {nearest(use.name, names)}"
            problems.add(use.file, use.key, message)


def step(job: Job, catalogue: Catalogue) -> Step:
    """The step, after the views that the job's tags are made of."""
    owners = {
        name.split(".")[0] for name in with_inputs(job.tags.names if job.tags else (), catalogue.tags_of(Customer))
    }
    views = (f"gold/{view.name}" for view in catalogue.views_of(Customer) if view.name in owners)
    reads = (*map(place_of, job.reads), *as_of.entity_sources(Customer), place_of(Customer.table), *views)
    definition = [job.definition(), catalogue.tables[job.writes.name].definition(), catalogue.tag_digests(Customer)]
    return Step(
        job.name, "features", tuple(dict.fromkeys(reads)), (place_of(job.writes),), digest(definition),
        partial(write, job=job), job.describes, as_of=True, forward=True, rebuilds=(place_of(job.writes),),
    )  # fmt: skip


def write(context: Context, receipt: Receipt, job: Job) -> Outcome:
    """Write what the job makes of the facts and tags of the day."""
    table = context.catalogue.tables[job.writes.name]
    written = context.lake.sync(table, as_of.facts(context, table, context.day).drop("as_of"), receipt)
    return Outcome(written.inserted + written.updated + written.unchanged, written.changed, 0, written.unchanged)
