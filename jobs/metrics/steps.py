"""The step that computes all metrics of the day, and of earlier days whose facts have changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any

from jobs.metrics.changes import PLACE, STEP, start_of, tables_behind
from jobs.metrics.computation import broad, series_of
from jobs.metrics.facts import MetricFacts
from jobs.metrics.gaps import gaps_of, holes_of
from jobs.metrics.plans import MetricPlans, plans_of
from jobs.metrics.series import DayRange, MetricSeries, table_rows
from quanyu.discover import Catalogue
from quanyu.grammar.declaration import digest
from quanyu.lake import place_of
from quanyu.lake.receipt import Receipt
from quanyu.literals import quoted
from quanyu.model.metrics import Metrics
from quanyu.point_in_time import as_of
from quanyu.run.runner import Context, Outcome, Step

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# More rows are written to the engine in parts.
_SCHEMA = ", ".join(f"`{name}` {column.type}" for name, column in Metrics.columns.items())


def steps(catalogue: Catalogue) -> list[Step]:
    """List the one step, if the conf folder has metrics."""
    plans = plans_of(catalogue)
    if not plans.cuts:
        return []
    files = catalogue.metrics.values()
    declares = {name: value for file in files for name, value in file.declares().items()}
    tables = [cut.table.definition() for cut in plans.cuts if not cut.is_profile]
    return [
        Step(
            STEP, "metrics", _reads(plans), (PLACE,), digest([declares, tables, Metrics.definition()]),
            partial(write, plans=plans), "Every metric by day, in total and by dimension.", as_of=True, forward=True,
            inputs=partial(_depends, plans=plans), declares=declares,
        )
    ]  # fmt: skip


def _reads(plans: MetricPlans) -> tuple[str, ...]:
    places = {place_of(cut.table) for cut in plans.cuts}
    places |= {f"silver/{name}" for cut in plans.cuts for name in cut.referred()}
    places |= {as_of.IDENTITIES for cut in plans.cuts if cut.by_customer}
    return tuple(sorted(places))


def _depends(context: Context, plans: MetricPlans) -> dict[str, Any]:
    """What else than tables the values depend on: which tables these are, and gaps in their facts."""
    gaps = {cut.table.name: [repr(gap) for gap in gaps_of(context, cut)] for cut in plans.cuts}
    return {"tables": tables_behind(context, _reads(plans)), "gaps": gaps}


def write(context: Context, receipt: Receipt, plans: MetricPlans) -> Outcome:
    """Write the values of the day, and of earlier days from the first one whose facts have changed."""
    start = start_of(context, plans)
    span = DayRange(start.day, context.day)
    series = series_of(context, plans, span)
    rows, count = _frame(context, plans, series, span)
    written = context.lake.sync(Metrics, rows, receipt, part=_part(plans, series, span))
    holes = dict.fromkeys(words for cut in plans.cuts if not cut.is_profile for words in holes_of(context, cut))
    notes = [start.reason, *holes, *broad(series, [plan for cut in plans.cuts for plan in cut.plans])]
    lacking = {name: str(one.reasons[-1]) for name, one in series.items() if one.reasons[-1]}
    facts = MetricFacts(len(series) - len(lacking), lacking)
    notes += _words({name: reason for name, reason in lacking.items() if name not in plans.ratios})
    return Outcome(count, written.changed, unchanged=written.unchanged, notes=tuple(filter(None, notes)), facts=facts)


def _frame(
    context: Context, plans: MetricPlans, series: Mapping[str, MetricSeries], span: DayRange
) -> tuple[DataFrame, int]:  # fmt: skip
    import pyarrow as pa

    today = plans.of_profiles()
    for name in today:
        # Profiles are of the run's day: what was written of earlier days stays.
        series[name].block("", range(span.size - 1))
    columns = list(zip(*(row for one in series.values() for row in table_rows(one, span)), strict=True))
    types = {"string": pa.string(), "date": pa.date32(), "double": pa.float64()}
    arrays = {
        name: pa.array(columns[n] if columns else [], types[column.type])
        for n, (name, column) in enumerate(Metrics.columns.items())
    }
    table = pa.table(arrays)
    return context.lake.staging.stage_arrow(context.lake.spark, table, _SCHEMA).rows, table.num_rows


def _part(plans: MetricPlans, series: Mapping[str, MetricSeries], span: DayRange) -> str:
    """Condition of the rows that the run replaces."""
    today = plans.of_profiles() & set(series)
    parts = [_rows_since(sorted(set(series) - today), span.first), _rows_since(sorted(today), span.last)]
    return " or ".join(part for part in parts if part)


def _rows_since(names: list[str], day: date) -> str:
    return f"(day >= date'{day}' and metric in ({', '.join(map(quoted, names))}))" if names else ""


def _words(lacking: Mapping[str, str]) -> Iterable[str]:
    by_reason: dict[str, list[str]] = {}
    for name, reason in lacking.items():
        by_reason.setdefault(reason, []).append(name)
    for reason, names in by_reason.items():
        yield f"not computed: {', '.join(names)}: {reason}"
