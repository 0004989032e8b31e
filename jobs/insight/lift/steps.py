"""The step that measures what each programme brought against its holdout."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from jobs.insight.lift.programmes import Programme, groups, programmes
from jobs.insight.steps import not_current
from quanyu.discover import Catalogue
from quanyu.grammar.declaration import digest
from quanyu.group_differences import Group, LiftEstimate, of_conversion, of_spend, split_p_value, verdict
from quanyu.lake import place_of
from quanyu.lake.receipt import Receipt
from quanyu.model.entities import Customer
from quanyu.model.insight import ProgrammeLift
from quanyu.model.outcomes import ExportMembers, memberships_of
from quanyu.model.trade import Orders
from quanyu.point_in_time import as_of
from quanyu.run.runner import Context, Outcome, Step

STEP = "programme_lift"


def steps(catalogue: Catalogue) -> list[Step]:
    """List the one step, if a programme has a holdout."""
    listed = programmes(catalogue)
    if not listed:
        return []
    settings = catalogue.settings
    definition = [ProgrammeLift.definition(), repr(listed), settings.insight.horizon_days, settings.holdout.salt]
    reads = (place_of(memberships_of(Customer)), *as_of.sources_of(catalogue.tables[Orders.name]))
    reads += (place_of(ExportMembers),) if any(one.exports for one in listed) else ()
    return [
        Step(
            STEP, "insight", tuple(dict.fromkeys([*reads, as_of.IDENTITIES])), (place_of(ProgrammeLift),),
            digest(definition), write, "What each programme brought against its holdout.", as_of=True, forward=True,
            inputs=lacking, rebuilds=(place_of(ProgrammeLift),),
        )
    ]  # fmt: skip


def lacking(context: Context) -> dict[str, str]:
    """What the memberships of customers lack for the day."""
    words = not_current(context, [place_of(memberships_of(Customer))])
    return {Customer.name: words} if words else {}


def write(context: Context, receipt: Receipt) -> Outcome:
    """Measure every programme as of the day; while memberships lack, the table stays as it was."""
    import pyarrow as pa

    if lacks := lacking(context):
        return Outcome(notes=(f"not measured for the day: {lacks[Customer.name]}",), run_again=True)
    listed = programmes(context.catalogue)
    measured = groups(context, listed)
    rows = [
        row for one in listed for row in lift_rows(one, measured, context.settings.insight.horizon_days, context.day)
    ]
    context.lake.prepare(ProgrammeLift)
    place = place_of(ProgrammeLift)
    table = pa.Table.from_pylist(rows, context.lake.arrow(place).schema)
    context.lake.replace_rows(place, table, receipt, {"out": len(rows)})
    wrong = {f"split {row['programme']}": _split_words(row) for row in rows if row["verdict"] == "split is wrong"}
    return Outcome(sum(group.customers for group in measured.values()), len(rows), alerts=wrong)


def lift_rows(
    programme: Programme, measured: Mapping[tuple[str, str, bool], Group], horizon: int, day: date
) -> Iterator[dict[str, Any]]:
    """Rows of ProgrammeLift, one for each outcome."""
    assigned, control = (
        measured.get((programme.kind, programme.name, held_out), Group()) for held_out in (False, True)
    )
    split = split_p_value(assigned.customers, control.customers, programme.share)
    enough = min(assigned.customers, control.customers) > 1
    for outcome, difference_of in (("conversion", of_conversion), ("spend", of_spend)):
        difference = difference_of(assigned, control) if enough else None
        yield {
            "kind": programme.kind, "programme": programme.name, "outcome": outcome, "horizon_days": horizon,
            "assigned": assigned.customers, "held_out": control.customers, "mean": _mean(assigned, outcome),
            "mean_held_out": _mean(control, outcome), **_of(difference), "declared_share": programme.share,
            "split_p_value": split, "verdict": verdict(assigned, control, difference, split), "day": day,
        }  # fmt: skip


def _mean(group: Group, outcome: str) -> float | None:
    if not group.customers:
        return None
    return group.conversion if outcome == "conversion" else group.mean


def _of(difference: LiftEstimate | None) -> dict[str, float | None]:
    names = ("lift", "low", "high", "detectable")
    return {name: None if difference is None else getattr(difference, name) for name in names}


def _split_words(row: Mapping[str, Any]) -> str:
    share = row["held_out"] / (row["held_out"] + row["assigned"])
    return (f"the holdout of {row['programme']} is {share:.1%} of its customers and not {row['declared_share']:.1%}:"
            " its lift is not to be trusted until somebody knows why")  # fmt: skip
