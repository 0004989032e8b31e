"""The customers for whom a job makes other rows than at its last run: a day costs the day, not the history."""

from __future__ import annotations

from quanyu.grammar.job import Job
from quanyu.lake.staging import StagedRows
from quanyu.lake.union import union_all
from quanyu.model.entities import Customer
from quanyu.point_in_time import touched
from quanyu.point_in_time.touched import (
    ChangedFacts,
    ExpiredError,
    Position,
    changed_customers,
    much_is_new,
    position_of,
)
from quanyu.run.runner import Context


def are_enough(job: Job) -> bool:
    """Whether a job's rows about a customer depend on that customer's facts alone, as recorded.

    Which identifiers are current depends on all of them.
    """
    return job.by_customer and "identifiers" not in [table.name for table in job.reads]


def touched_customers(context: Context, job: Job) -> StagedRows | str:
    """Ids of touched customers (customer_id); or in words why the rows of all of them have to be made."""
    position = position_of(context, context.step(job.name))
    if isinstance(position, str):
        return position
    if words := next(filter(None, (much_is_new(context, table, position) for table in job.reads)), ""):
        return words
    try:
        customers = _touched(context, job, position)
    except ExpiredError as error:
        return f"the changes of {error} have expired"
    many = customers.count > touched.LARGEST_SHARE * context.lake.count_rows("gold/customers")
    return f"{customers.count:,} customers are touched" if many else customers


def _touched(context: Context, job: Job, position: Position) -> StagedRows:
    tables = context.catalogue.tables
    facts = [
        ChangedFacts(context, position, Customer, table, referred=[tables[name] for name in job.referred(table)])
        for table in job.reads
    ]
    leads = union_all([one.leads() for one in facts])
    keys = [facts[0].keys(leads), changed_customers(context, position)]
    return context.lake.staging.stage(union_all(keys).distinct())
