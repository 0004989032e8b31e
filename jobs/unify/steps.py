"""Steps of unification: identities, then customers and activity."""

from __future__ import annotations

import inspect
from datetime import date
from functools import partial

import pandas as pd

from jobs.unify import activity as activity_job
from jobs.unify import attributes as attributes_job
from jobs.unify import customers as customers_job
from jobs.unify import identities
from quanyu import asof
from quanyu.declare import digest
from quanyu.discover import Catalogue
from quanyu.job import Job
from quanyu.lake import Written
from quanyu.receipt import Receipt
from quanyu.run import Context, Outcome, Step

PEOPLE = ("silver/people", "silver/identifiers", "silver/consents")


def steps(catalogue: Catalogue) -> list[Step]:
    """List the steps in the order in which they feed each other."""
    tables = catalogue.tables
    ids = Step(
        "identities", "unify", ("silver/identifiers",), ("gold/identities", "gold/identity_events"),
        digest([inspect.getsource(identities), tables["identities"].definition(), _parties(catalogue)]), identify,
        "Which persons of all sources are one customer, with an id that stays.", forward=True,
    )  # fmt: skip
    everybody = Step(
        "customers", "unify", (*PEOPLE, "gold/identities"), ("gold/customers",),
        digest([inspect.getsource(customers_job), tables["customers"].definition(), catalogue.settings.wins]), unify,
        "What all sources together know of each customer.", forward=True,
    )  # fmt: skip
    return [ids, everybody, *(_of_job(job) for job in (activity_job.activity, attributes_job.customer_attributes))]


def _of_job(job: Job) -> Step:
    reads = (*(f"silver/{table.name}" for table in job.reads), "gold/identities")
    return Step(
        job.name, "unify", reads, (f"gold/{job.writes.name}",), job.definition(),
        partial(write, name=job.writes.name), job.describes, forward=True,
    )  # fmt: skip


def identify(context: Context, receipt: Receipt) -> Outcome:
    """Cluster the persons known at the end of the day, decide ids, log the events, then publish the state.

    Days that no run took are taken one by one before it, so that ids do not depend on when runs happened.
    """
    tables, lake = context.catalogue.tables, context.lake
    rows = _identifiers(context)
    events = lake.table(tables["identity_events"]).orderBy("number").toPandas()
    found: list[identities.Found] = []
    for day in _days_to_take(rows, events, context.day):
        held = (rows["recorded_on"] <= day) & ~(rows["replaced_on"] <= day)
        links = identities.clustered(rows[held])
        found.append(identities.decide(links.persons, links.labels, _held(events), set(events["customer_id"]), day))
        events = _with_events(context, receipt, events, found[-1].events)
    written = _publish(context, receipt, events)
    most = identities.MOST_PERSONS
    notes = [f"{links.hubs} values shared by more than {most} persons were not used"] if links.hubs else []
    notes += [f"{len(found) - 1} skipped days taken first"] if len(found) > 1 else []
    told = {"customers": found[-1].customers, "minted": sum(one.minted for one in found),
            "merged": sum(one.merged for one in found), "split": sum(one.split for one in found)}  # fmt: skip
    return Outcome(len(links.persons), written.changed, 0, written.unchanged, tuple(notes), told)


def _identifiers(context: Context) -> pd.DataFrame:
    """Every version of the strong identifiers known by the day: source, person_key, value, recorded_on, replaced_on.

    Persons that only other parties know are nobody's customers.
    """
    listed = ", ".join(f"'{kind}'" for kind in identities.STRONG)
    strong = f"if(kind in ({listed}), xxhash64(kind, scope, value), null) as value"
    rows = context.lake.table(context.catalogue.tables["identifiers"]).where(f"recorded_on <= date'{context.day}'")
    others = _parties(context.catalogue)
    rows = rows.where(~rows["source"].isin(others)) if others else rows
    return rows.selectExpr("source", "person_key", strong, "recorded_on", "replaced_on").toPandas()


def _days_to_take(rows: pd.DataFrame, events: pd.DataFrame, day: date) -> list[date]:
    """List the days since the last event on which identifiers came or went, and the day of the run."""
    told = pd.concat([rows["recorded_on"], rows["replaced_on"]]).dropna().unique()
    last = max(events["day"]) if len(events) else day
    return [*sorted(on for on in told if last < on < day), day]


def _held(log: pd.DataFrame) -> pd.Series:
    """The id that each person holds by the log: that of its last event."""
    if log.empty:
        return pd.Series(dtype=object)
    last = log.drop_duplicates(["source", "person_key"], keep="last")
    return pd.Series(last["customer_id"].to_numpy(), index=(last["source"] + "/" + last["person_key"]).to_numpy())


def _with_events(context: Context, receipt: Receipt, log: pd.DataFrame, events: pd.DataFrame) -> pd.DataFrame:
    """Append today's events to the log, which is only ever appended to, and return all of it."""
    table, lake = context.catalogue.tables["identity_events"], context.lake
    lake.prepare(table)
    if events.empty:
        return log
    schema = ", ".join(f"`{name}` {column.type}" for name, column in table.columns.items())
    events = events.assign(number=range(len(log), len(log) + len(events)))[list(table.columns)]
    rows = lake.spark.createDataFrame(_plain(events), schema)
    lake.append("gold/identity_events", rows, receipt, {"out": len(events)})
    return pd.concat([log, events]) if not log.empty else events


def _plain(frame: pd.DataFrame) -> list[list[object]]:
    """Rows as plain values, None where there is none."""
    return [
        [None if value is pd.NaT or value != value else value for value in row] for row in frame.itertuples(index=False)
    ]


def _publish(context: Context, receipt: Receipt, events: pd.DataFrame) -> Written:
    """Write the assignments that the log amounts to: each holds from its event's day to that of the next one."""
    table = context.catalogue.tables["identities"]
    ordered = events.sort_values("number").drop_duplicates(["source", "person_key", "day"], keep="last")
    ordered = ordered.assign(valid_to=ordered.groupby(["source", "person_key"])["day"].shift(-1))
    rows = ordered[["source", "person_key", "customer_id", "day", "valid_to"]]
    schema = "source string, person_key string, customer_id string, valid_from date, valid_to date"
    made = context.lake.spark.createDataFrame(_plain(rows), schema)
    return context.lake.sync(table, made, receipt)


def unify(context: Context, receipt: Receipt) -> Outcome:
    """Write the customers as all sources know them at the end of the day."""
    tables = context.catalogue.tables
    people, identifiers, consents = (
        asof.facts(context, tables[name], context.day).where("customer_id is not null")
        for name in ("people", "identifiers", "consents")
    )
    made = customers_job.customers(people, identifiers, consents, context.settings.wins)
    return _told(context.lake.sync(tables["customers"], made, receipt))


def write(context: Context, receipt: Receipt, name: str) -> Outcome:
    """Write what a job makes of the facts up to the end of the day."""
    table = context.catalogue.tables[name]
    return _told(context.lake.sync(table, asof.facts(context, table, context.day).drop("as_of"), receipt))


def _told(written: Written) -> Outcome:
    return Outcome(written.inserted + written.updated + written.unchanged, written.changed, 0, written.unchanged)


def _parties(catalogue: Catalogue) -> list[str]:
    return sorted(name for name, source in catalogue.sources.items() if source.party != "first")
