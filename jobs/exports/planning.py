"""What exports would do, and where they stand, as the command line shows it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.text import Text

from jobs.audiences import seed_quality
from jobs.exports import members
from jobs.exports.destination import Destination
from jobs.exports.destinations import destinations
from jobs.exports.gates import expected_match, what_is_approved
from jobs.exports.mirror.difference import current_set, difference, wanted_set
from jobs.exports.mirror.restarting import restart
from jobs.exports.platform import OnlinePlatform
from jobs.exports.steps import Selected, select
from quanyu.errors import ConfigError, nearest
from quanyu.grammar.audience import Audience
from quanyu.lake import place_of
from quanyu.model.exports import AudienceStatus
from quanyu.plurals import number_of
from quanyu.printable import grid
from quanyu.run.runner import Context
from quanyu.store import ExportState

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

OPERATIONS = {"adding": "added", "removing": "withdrawn", "there": "there already", "refused": "refused before"}


def exports(context: Context) -> dict[str, tuple[Audience, Destination]]:
    """Declared exports by name: audience and destination."""
    known = destinations(context.catalogue)
    return {
        f"{audience.name}.{name}": (audience, known[name])
        for audience in context.catalogue.audiences.values()
        for name in audience.send_to
        if name in known
    }


def of_name(context: Context, name: str) -> tuple[Audience, Destination]:
    """The audience and destination of an export. Raises ConfigError for an unknown name."""
    declared = exports(context)
    if name not in declared:
        raise ConfigError(f"there is no export {name!r}; {nearest(name, declared)}")
    return declared[name]


def overview(context: Context) -> RenderableType:
    """A table of all exports: those that are declared, and those that are not any more and still have values there."""
    states = {state.export: state for state in context.store.exports.states()}
    declared = exports(context)
    rows = [_overview(name, declared.get(name), states.get(name)) for name in sorted({*declared, *states})]
    return grid(("export", "state", "values there", "changed on", "what to do"), rows, number_of(len(rows), "export"))


def _overview(name: str, declared: tuple[Audience, Destination] | None, state: ExportState | None) -> tuple[Any, ...]:
    is_online = declared is None or issubclass(declared[1].platform, OnlinePlatform)
    if state is None or not is_online:
        return name, "prepared" if is_online else "file", None, None, ""
    undeclared = "not declared any more: declare it again, or end the audience with `ended: DAY`"
    return name, state.state, state.members, state.changed_on, state.words if declared else undeclared


def planned(context: Context, name: str) -> RenderableType:
    """What the next run would send: values by identifier and operation, members by outcome, and what is held back."""
    audience, destination = of_name(context, name)
    selected = select(context, audience, destination)
    outcomes = [(label.replace("_", " "), number) for label, number in asdict(members.counts(selected.rows)).items()]
    doubted = context.store.exports.state(name).doubted
    first = [f"restored from a backup: what was sent until {doubted} is reconciled first"] if doubted else []
    waits = [Text(f"nobody is added: {words}", style="yellow") for words in (*selected.waits, *first)]
    return Group(
        Text(f"{name} on {context.day}: {destination.platform.name}, for {audience.purpose}"),
        *waits, grid(("identifier", "is", "values"), _operations(context, selected, destination)),
        grid(("members", "number"), outcomes),
        grid(("as a seed", ""), _quality(context, selected, audience, destination)),
    )  # fmt: skip


def _quality(
    context: Context, selected: Selected, audience: Audience, destination: Destination
) -> list[tuple[str, str]]:
    """What a platform can make of the set: its size, how many it may match, how lately they bought, how like they are.

    Addresses have an age, and some were sent before.
    """
    free = context.lake.staging.materialize(selected.rows.where("reason is null"))
    age = free.selectExpr(f"median(datediff(date'{context.day}', recorded_on))").collect()[0][0]
    share, size = expected_match(audience, destination), max(selected.customers, 1)
    customers = context.lake.staging.materialize(free.select("customer_id").distinct())
    same = customers.join(members.last_set(context, selected.export).select("customer_id").distinct(), "customer_id")
    sent_before, like = same.count(), seed_quality.sameness(context, audience.name)
    lifts = seed_quality.lifts_of(seed_quality.fits(context), audience.name)
    return [
        ("customers", f"{selected.customers:,}"),
        ("values", _values(free, size)),
        ("expected to be matched", f"{selected.customers * share:,.0f} ({share:.0%}); least: {destination.least:,}"),
        *_matched(context, selected.export),
        ("last purchase", str(seed_quality.recency(context, customers)) if selected.customers else ""),
        ("sameness", str(like) if like else "known after its first description"),
        *(("lift as a seed", words) for words in lifts),
        *([("weighted by", audience.seed.value)] if audience.seed and audience.seed.value else []),
        ("age of the addresses", f"{age:,.0f} days in the median" if age is not None else ""),
        ("were sent before", f"{sent_before:,} of {selected.customers:,} ({sent_before / size:.0%})"),
    ]


def _values(free: DataFrame, size: int) -> str:
    """How many values there are, and of which share of so many customers each identifier is known."""
    from pyspark.sql import functions as F  # noqa: N812

    counts = (F.expr("count(distinct formed)").alias("formed"), F.countDistinct("customer_id").alias("customers"))
    rows = free.groupBy("identifier").agg(*counts).orderBy("identifier").collect()
    by_identifier = ", ".join(f"{row['identifier']} of {row['customers'] / size:.0%}" for row in rows)
    number = sum(row["formed"] for row in rows)
    return f"{number:,}, {number / size:.2f} for each customer" + (f": {by_identifier}" if rows else "")


def _matched(context: Context, export: str) -> list[tuple[str, str]]:
    """What the platform last said to have matched, if it ever did."""
    from pyarrow import compute as pc

    place = place_of(AudienceStatus)
    if not context.lake.exists(place):
        return []
    asked = (pc.field("export") == export) & pc.field("match_rate").is_valid()
    rows = context.lake.rows(place, ["asked_on", "match_rate"], asked).sort_by("asked_on").to_pylist()
    return [("matched by the platform", f"{rows[-1]['match_rate']:.0%} on {rows[-1]['asked_on']}")] if rows else []


def _operations(context: Context, selected: Selected, destination: Destination) -> list[tuple[Any, ...]]:
    wanted = wanted_set(selected.rows)
    if not issubclass(destination.platform, OnlinePlatform):
        by_identifier = wanted.groupBy("identifier").count().orderBy("identifier").collect()
        return [(row["identifier"], "in the file", row["count"]) for row in by_identifier]
    unsettled = [batch.batch for batch in context.store.exports.open(selected.export)]
    current = current_set(context, selected.export)
    rows = difference(current, wanted, context.day, not selected.waits, unsettled).where("state is not null")
    by_state = rows.groupBy("identifier", "state").count().orderBy("identifier", "state").collect()
    return [(row["identifier"], OPERATIONS[row["state"]], row["count"]) for row in by_state]


def restarted(context: Context, name: str) -> RenderableType:
    """Forget an export's audience that somebody deleted on the platform, also of one that is not declared any more."""
    known = destinations(context.catalogue)
    account = name.partition(".")[2]
    if account not in known:
        raise ConfigError(f"there is no export {name!r}; {nearest(name, exports(context))}")
    rows = restart(context, known[account].open(), name)
    forgotten = f"{number_of(rows, 'value')} forgotten that went with it"
    return Text(f"{name} begins anew: {forgotten}; the next run opens an audience and adds all who should be there")


def approved(context: Context, name: str) -> RenderableType:
    """Store that somebody approved the export as it is declared, with its members of the day."""
    audience, destination = of_name(context, name)
    customers = select(context, audience, destination).customers
    context.store.exports.approve(name, what_is_approved(audience, destination), customers)
    return Text(f"{name} is approved with {customers:,} customers; the next run sends it")
