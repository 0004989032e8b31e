"""Point-in-time frames: what they cost on a large retailer, and that later rows change nothing of an earlier day.

`python -m benchmarks.frames cost HOME` makes a frame of many customers and cutoffs of a home of `benchmarks.scale`.
`python -m benchmarks.frames leak DATA` ingests Online Retail up to a day, computes every feature and tag of that day,
adds all later rows, computes them again, and ends with an error where a value differs.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import scale_data
from benchmarks.peak import Peak
from quanyu.config.settings import load_settings
from quanyu.model.entities import Customer, Product
from quanyu.point_in_time.frame import everybody_on, frame
from quanyu.point_in_time.identities import log_began
from quanyu.run.runner import Context, perform

if TYPE_CHECKING:
    import pyarrow as pa

    from quanyu.grammar.entity import Entity

ROOT = Path(__file__).parents[1]
RETAILER = Path(__file__).parent / "retailer"
NAMES = (
    "value.orders", "value.spend", "value.orders_ever", "recency.days_since_order", "recency.orders_30d",
    "preference.categories", "preference.products", "preference.favourite_category", "retention.lapsed",
    "retention.at_risk",
)  # fmt: skip
DAY, LAST = date(2011, 9, 10), date(2011, 12, 9)


def cost(home: Path, number: int, cutoffs: int, names: Sequence[str]) -> None:
    """Print seconds and peak memory of a frame of `number` customers, each with one of the last `cutoffs` days."""
    context = Context(load_settings(RETAILER, home), scale_data.LAST)
    table = context.catalogue.tables["identities"]
    _ = context.lake.spark
    columns = ("customer_id", f"date_sub(date'{scale_data.LAST}', abs(hash(customer_id)) % {cutoffs}) as cutoff")
    ids = context.lake.table(table).where("valid_to is null").select("customer_id").distinct().orderBy("customer_id")
    spine = context.lake.staging.materialize(ids.limit(number).selectExpr(*columns))
    began = time.monotonic()
    with Peak() as peak:
        result = frame(context, Customer, spine, names)
    print(f"{result.count:,} rows, {cutoffs} cutoffs, {len(names)} names: {time.monotonic() - began:.1f} s,",
          f"{peak.gigabytes()}; {'; '.join(result.notes())}", flush=True)  # fmt: skip
    context.close()


def leak(data: Path) -> int:
    """Print how many values of a day differ after later rows were added, and return that number."""
    folder = Path(tempfile.mkdtemp())
    conf, wrong = folder / "conf", 0
    shutil.copytree(ROOT / "examples" / "online_retail", conf)
    with (conf / "base.yml").open("a", encoding="utf-8") as file:
        file.write(f"data: {data.resolve()}\n")
    before: dict[str, pa.Table] = {}
    for day in (DAY, LAST):
        context = Context(load_settings(conf, folder / "home"), day)
        for step in ("ingest.invoices", "identities", "customers"):
            perform(context, context.step(step))
        for entity in (Customer, Product):
            rows = everything(context, entity)
            wrong += differing(before.setdefault(entity.name, rows), rows)
            print(
                f"{day}: {entity.name}, {rows.num_rows:,} rows, {rows.num_columns - 1} columns as of {DAY}", flush=True
            )
        context.close()
    shutil.rmtree(folder)
    print(f"{wrong} values differ")
    return wrong


def everything(context: Context, entity: type[Entity]) -> pa.Table:
    """Every feature, attribute and tag of all entities as of DAY, sorted by key."""
    models = context.catalogue.models
    names = [
        name
        for name, column in context.catalogue.names(entity).items()
        if column.type and name.split(".")[0] not in models
    ]
    everybody = everybody_on(context, entity, [DAY], log_began(context)).withColumnRenamed("as_of", "cutoff")
    rows = frame(context, entity, everybody, names, present=True).rows
    return rows.orderBy(entity.key).toArrow()


def differing(before: pa.Table, after: pa.Table) -> int:
    """Number of values that differ, doubles by 1e-9 of their size; all if the rows are not of the same entities."""
    from jobs.verify.columns import differing as differing_values

    if before.column(0) != after.column(0) or before.schema != after.schema:
        return int(max(before.num_rows, after.num_rows) * before.num_columns)
    counts = (differing_values(before[name], after[name]).sum() for name in before.column_names)
    return sum(int(count) for count in counts)


def main() -> None:
    """Run one of the two."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("cost", "leak"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--cutoffs", type=int, default=30)
    parser.add_argument("--names", nargs="*", default=NAMES)
    chosen = parser.parse_args()
    if chosen.what == "leak":
        sys.exit(bool(leak(chosen.folder)))
    cost(chosen.folder, chosen.rows, chosen.cutoffs, chosen.names)


if __name__ == "__main__":
    main()
