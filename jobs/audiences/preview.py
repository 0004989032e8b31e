"""The size that a new or changed audience has by today's tables, beside the one that is recorded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

from jobs.audiences import rules
from quanyu.errors import QuanyuError
from quanyu.grammar.audience import Audience
from quanyu.run.planning.plan import Trial
from quanyu.run.runner import Context

MEMBERSHIPS = "gold/memberships"


def effects(trial: Trial) -> Mapping[str, list[str]]:
    """The size of each audience as of the last day that customers were computed for."""
    audiences = [trial.context.catalogue.audiences[name] for name in trial.of("audience")]
    receipt = trial.context.lake.receipt("gold/customers")
    if receipt is None:
        return {f"audience {audience.name}": ["its size is not known before the first run"] for audience in audiences}
    # The same tables, read as of the day that they are of.
    context = Context(trial.context.settings, date.fromisoformat(receipt["day"]), trial.context.run_id, sends=False)
    context.__dict__.update({"store": trial.context.store, "catalogue": trial.context.catalogue})
    members = _members(context)
    return {
        f"audience {audience.name}": [_size(context, audience, members.get(audience.name))] for audience in audiences
    }


def _size(context: Context, audience: Audience, before: int | None) -> str:
    was = f", {before:,} before" if before is not None else ""
    if missing := sorted(_missing(context, audience)):
        return f"its size is not known before {', '.join(missing)} is computed{was}"
    try:
        sizes = rules.evaluate_rules(context, audiences=[audience]).where("lost is null").groupBy("holdout").count()
        counts = {row["holdout"]: row["count"] for row in sizes.collect()}
    except QuanyuError as error:
        return f"its size cannot be computed: {error}"
    held_out = f", {counts[True]:,} of them held out" if counts.get(True) else ""
    return f"{sum(counts.values()):,} customers on {context.day}{held_out}{was}"


def _missing(context: Context, audience: Audience) -> Iterator[str]:
    """Views that the rule depends on and that have no rows yet."""
    for owner in rules.producers_of_inputs(context.catalogue, [audience]):
        if owner in context.catalogue.views and not context.lake.exists(f"gold/{owner}"):
            yield owner


def _members(context: Context) -> dict[str, int]:
    """Customers who are in each audience now, as recorded."""
    if not context.lake.exists(MEMBERSHIPS):
        return {}
    from pyarrow import compute

    names = context.lake.rows(MEMBERSHIPS, ["audience"], compute.field("left_on").is_null())["audience"]
    return {item["values"]: item["counts"] for item in names.value_counts().to_pylist()}
