"""Processor time to size one audience and a hundred over the profiles of a million customers, copied from a home.

Run `quanyu sample` and `quanyu run --day 2025-02-03` first, then
`python -m benchmarks.audience_sizes --home .quanyu --work FOLDER`. The folder is used again if it is there.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from benchmarks.large_home import PLACE, LargeHome, arguments, profiles_of, write_customers
from benchmarks.peak import cpu_seconds
from jobs.audiences import rules
from jobs.audiences.inquiry.size import counted, members_of_all
from jobs.audiences.inquiry.subject import profiles_for
from jobs.audiences.memberships.evaluation import evaluated
from quanyu.config.settings import load_settings
from quanyu.grammar.audience import Audience
from quanyu.grammar.tags import profile_column
from quanyu.model.entities import Customer

AUDIENCES, ALONE = 100, 13
REPEATS = 10


def main() -> None:
    """Print the figures as JSON: processor seconds of one size, of one audience's conditions, and of all sizes."""
    options = arguments(__doc__).parse_args()
    context = LargeHome(load_settings(options.conf, options.work), options.day)
    try:
        if not context.lake.exists(PLACE):
            write_customers(context, profiles_of(options.conf, options.home, options.day), options.customers)
        print(json.dumps(figures(context), indent=2))
    finally:
        context.close()


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
    """Seconds of the processor, the mean of some runs after a first one: other work changes them little."""
    audiences = variants(context)
    singles = [seconds(partial(members_of_all, context, Customer, [one])) for one in audiences[:ALONE]]
    reading = [seconds(reader(context, [one])) for one in audiences[:ALONE]]
    every = seconds(partial(members_of_all, context, Customer, audiences))
    winback = context.catalogue.audiences["winback"]
    one, read = statistics.median(singles), statistics.median(reading)
    read_all = seconds(reader(context, audiences))
    return {
        "customers": context.lake.count_rows(PLACE),
        "one": round(one, 3),
        "one, the quickest and the slowest": [round(min(singles), 3), round(max(singles), 3)],
        "one with its conditions": round(seconds(partial(counted, context, Customer, winback)), 3),
        f"{AUDIENCES} at once": round(every, 3),
        "ratio": round(every / one, 2),
        "reading what one names": round(read, 3),
        f"reading what {AUDIENCES} name": round(read_all, 3),
        f"members of {AUDIENCES}, staged": round(seconds(partial(evaluated, context, Customer, [], audiences), 1), 2),
    }


def reader(context: LargeHome, audiences: Sequence[Audience]) -> Callable[[], Any]:
    """What reads the columns that audiences name, and does nothing with them but count."""
    names = rules.names_in_rules(context.catalogue, audiences)
    counts = [f"count(`{profile_column(name)}`)" for name in names]
    return lambda: profiles_for(context, Customer, audiences, names).selectExpr(*counts).collect()


def seconds(call: Callable[[], Any], repeats: int = REPEATS) -> float:
    """Mean of the seconds that a call takes of the processor, in this process and the engine's."""
    call()
    began = cpu_seconds()
    for _ in range(repeats):
        call()
    return (cpu_seconds() - began) / repeats


if __name__ == "__main__":
    main()
