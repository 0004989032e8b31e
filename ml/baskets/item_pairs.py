"""Fits associations when they are due: a quarter of baskets against the next one."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from ml.baskets.associations import ReplicatedPairs
from ml.baskets.facts import AssociationFacts
from ml.baskets.purchases import ITEM, lines
from ml.baskets.writing import write_rows
from quanyu.lake import place_of
from quanyu.lake.receipt import Receipt
from quanyu.model.next_items import Associations
from quanyu.plurals import number_of
from quanyu.run.runner import Context, Outcome

PAIRS = place_of(Associations)
PERIOD_DAYS = 90
FITTED_EVERY_DAYS = 7
SCOPE = "fitted"


def last_fitted(context: Context) -> dict[str, Any]:
    """The step's input besides tables: when it was last fitted. New purchases alone do not fit it."""
    return {"fitted": context.store.unchanged_runs.load(SCOPE, Associations.name)}


def write_pairs(context: Context, receipt: Receipt) -> Outcome:
    """Fit the pairs if a week has passed or what they mean has changed; else say when they will be."""
    import pyarrow as pa

    now, last = receipt.definition, context.store.unchanged_runs.load(SCOPE, Associations.name)
    if last and last["definition"] == now and context.lake.exists(PAIRS) and not context.forced:
        due = date.fromisoformat(last["day"]) + timedelta(days=FITTED_EVERY_DAYS)
        if context.day < due:
            return Outcome(notes=(f"fitted on {last['day']}; next on {due} or later",))
    later_from = context.day - timedelta(days=PERIOD_DAYS - 1)
    first_from = later_from - timedelta(days=PERIOD_DAYS)
    columns = {"basket": "customer_id", "item": ITEM, "is_later": f"to_date(ordered_at) >= date'{later_from}'"}
    bought = lines(context, columns, f"purchase and to_date(ordered_at) >= date'{first_from}'").to_pandas()
    is_later = bought["is_later"].to_numpy("bool")
    # Baskets of one customer are not independent: what he bought in a period is one.
    fitted = ReplicatedPairs.between(bought[~is_later], bought[is_later])
    rows = pa.Table.from_pandas(fitted.pairs, preserve_index=False)
    for name, day in (("first_from", first_from), ("later_from", later_from), ("later_until", context.day)):
        rows = rows.append_column(name, pa.repeat(pa.scalar(day), len(rows)))
    written = write_rows(context, Associations, rows, receipt)
    context.store.unchanged_runs.save(SCOPE, Associations.name, {"day": str(context.day), "definition": now})
    facts = AssociationFacts(fitted.tested, fitted.first, len(fitted.pairs) // 2)
    periods = f"{first_from} to {later_from - timedelta(days=1)}, {later_from} to {context.day}"
    note = f"{number_of(facts.replicated, 'pair')} above chance in both of {periods}; {facts.looked_at:,} looked at"
    return Outcome(len(bought), written.changed, 0, written.unchanged, notes=(note,), facts=facts)
