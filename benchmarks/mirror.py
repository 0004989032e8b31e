"""Time to find what changed on a platform, of a million members with a phone and an e-mail each.

`python -m benchmarks.mirror --work /tmp/mirror` prints seconds as JSON: hashes alone by the engine from the same table;
forms, hashes and the difference to the set that is there; and all of that with what is written before anything is sent,
on the first day, and on a day on which one of a hundred has another phone.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.exports.forms import formed
from jobs.exports.mirror.difference import current_set, difference, wanted_set, write_set
from jobs.exports.platforms.meta import Meta
from quanyu.config.settings import load_settings
from quanyu.lake.receipt import Receipt
from quanyu.run.runner import Context

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

EXPORT, FIRST = "everybody.meta", date(2025, 2, 3)
FORMS = {name: Meta.forms[name] for name in ("phone", "email")}


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--conf", type=Path, default=Path("conf"))
    parser.add_argument("--customers", type=int, default=1_000_000)
    options = parser.parse_args()
    shutil.rmtree(options.work, ignore_errors=True)
    context = Context(load_settings(options.conf, options.work), FIRST)
    try:
        print(json.dumps(figures(context, options.customers), indent=2))
    finally:
        context.close()


def figures(context: Context, customers: int) -> dict[str, float]:
    """Seconds of the hashes alone (the best of three), of the first day, and of a day with changes."""
    days = [context.lake.staging.materialize(addresses(context, customers, nth)) for nth in range(2)]
    alone = min(timed(lambda: context.lake.staging.materialize(hashes(days[0]))) for _ in range(3))
    first, second = (timed(partial(mirrored, context, days[nth], nth)) for nth in range(2))
    compared = min(timed(partial(materialized, context, days[1])) for _ in range(3))
    return {
        "hashes": round(alone, 2), "difference": round(compared, 2), "difference_ratio": round(compared / alone, 2),
        "first_day_written": round(first, 2), "further_day_written": round(second, 2),
    }  # fmt: skip


def addresses(context: Context, customers: int, nth: int) -> DataFrame:
    """Answers of the gate: two addresses for each customer; on the further day one of a hundred has another phone."""
    people = context.lake.spark.range(customers)
    moved = f"if(id % 100 = 0, {nth}, 0)"
    phone = f"concat('+861', cast(3000000000 + id * 7 + {moved} as string))"
    parts = {"phone": phone, "email": "concat('user', cast(id as string), '@example.cn')"}
    rows = [
        people.selectExpr(
            "concat('c', cast(id as string)) as customer_id", f"'{kind}' as kind", "'' as scope", f"{value} as value",
            f"sha2({value}, 256) as address_hash", "cast(null as string) as reason",
        )
        for kind, value in parts.items()
    ]  # fmt: skip
    return rows[0].unionByName(rows[1])


def hashes(rows: DataFrame) -> DataFrame:
    """The hashes alone, of the values as they are stored."""
    return rows.selectExpr("kind", "sha2(value, 256) as hashed")


def materialized(context: Context, rows: DataFrame) -> None:
    """Forms, hashes and the difference to the set that is there."""
    wanted = wanted_set(formed(rows, FORMS, {}))
    context.lake.staging.materialize(difference(current_set(context, EXPORT), wanted, FIRST, adds=True))


def mirrored(context: Context, rows: DataFrame, nth: int) -> None:
    """Everything up to the set that is written before anything is sent."""
    day = FIRST + timedelta(days=nth)
    wanted = wanted_set(formed(rows, FORMS, {}))
    changes = difference(current_set(context, EXPORT), wanted, day, adds=True)
    write_set(context, EXPORT, changes, Receipt("export.everybody.meta", str(day), f"r-{nth}", "d"))


def timed(act: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
