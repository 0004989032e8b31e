"""Time to size one audience and a hundred over the profiles of a million customers, copied from those of a home.

Run `quanyu sample` and `quanyu run --day 2025-02-03` first, then
`python -m benchmarks.audience_sizes --home .quanyu --work /tmp/sizes`. The folder is used again if it is there.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from jobs.audiences.inquiry.size import counted, members_of_all
from jobs.audiences.memberships.evaluation import evaluated
from quanyu.config.settings import load_settings
from quanyu.grammar.audience import Audience
from quanyu.lake.receipt import Receipt
from quanyu.model.entities import Customer
from quanyu.run.runner import Context

PLACE = "gold/profile_customer"
AUDIENCES = 100
REPEATS = 5


class LargeHome(Context):
    """A home that has the profiles of its day and nothing else."""

    def forward_day(self, step: str) -> date | None:
        """The day of the profiles."""
        return self.day

    def is_current(self, step: str) -> bool:
        """The profiles are those of the day."""
        return step == "profile.customer"


def main() -> None:
    """Print the figures as JSON: seconds of one size, of one audience's conditions, and of all sizes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--conf", type=Path, default=Path("conf"))
    parser.add_argument("--day", type=date.fromisoformat, default=date(2025, 2, 3))
    parser.add_argument("--customers", type=int, default=1_000_000)
    options = parser.parse_args()
    context = LargeHome(load_settings(options.conf, options.work), options.day)
    try:
        if not context.lake.exists(PLACE):
            copied(options, context)
        print(json.dumps(figures(context), indent=2))
    finally:
        context.close()


def copied(options: argparse.Namespace, target: LargeHome) -> None:
    """Write the profiles of a home again and again, each time under other ids."""
    source = Context(load_settings(options.conf, options.home), options.day)
    profiles = source.lake.arrow(PLACE).to_table()
    source.close()
    table = target.catalogue.tables["profile_customer"]
    target.lake.prepare(table)
    times = -(-options.customers // profiles.num_rows)
    columns = {name: column.type for name, column in table.schema().items()}
    names = [name for name in profiles.schema.names if name in columns]
    schema = ", ".join(f"`{name}` {columns[name]}" for name in names)
    rows = target.lake.staging.stage_arrow(target.lake.spark, profiles.select(names), schema).rows
    values = (f"concat(`{name}`, '-', nth) as `{name}`" if name == Customer.key else f"`{name}`" for name in names)
    many = rows.crossJoin(target.lake.spark.range(times).withColumnRenamed("id", "nth")).selectExpr(*values)
    receipt = Receipt("profile.customer", str(options.day), target.run_id, "benchmark")
    target.lake.append(PLACE, many.limit(options.customers), receipt, {"out": options.customers})


def variants(context: LargeHome) -> list[Audience]:
    """A hundred audiences: those that are declared without measures, each also for those who spent more and more."""
    declared = [one for one in context.catalogue.audiences.values()
                if one.entity == "customer" and not (one.measures or one.lists or one.alike)]  # fmt: skip
    audiences = []
    for number in range(AUDIENCES):
        base = declared[number % len(declared)]
        who = f"({base.who}) and value.spend >= {number // len(declared) * 50}"
        audiences.append(base.model_copy(update={"name": f"a{number}", "who": who}))
    return audiences


def figures(context: LargeHome) -> dict[str, Any]:
    """Seconds, each the median of some runs after a first one."""
    audiences = variants(context)
    singles = [seconds(partial(members_of_all, context, Customer, [one])) for one in audiences[:10]]
    every = seconds(lambda: members_of_all(context, Customer, audiences))
    winback = context.catalogue.audiences["winback"]
    return {
        "customers": context.lake.count_rows(PLACE),
        "one": round(statistics.median(singles), 2),
        "one with its conditions": round(seconds(lambda: counted(context, Customer, winback)), 2),
        f"{AUDIENCES} at once": round(every, 2),
        "ratio": round(every / statistics.median(singles), 2),
        f"members of {AUDIENCES}, staged": round(seconds(lambda: evaluated(context, Customer, [], audiences), 1), 2),
    }


def seconds(call: Callable[[], Any], repeats: int = REPEATS) -> float:
    """Median of the seconds that a call takes."""
    call()
    times = []
    for _ in range(repeats):
        began = time.monotonic()
        call()
        times.append(time.monotonic() - began)
    return statistics.median(times)


if __name__ == "__main__":
    main()
