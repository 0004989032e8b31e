"""What memberships cost to write: a first day of a million customers, and one on which a share has moved.

Run `quanyu sample` and `quanyu run --day 2025-02-03` first, then
`python -m benchmarks.membership_days --home .quanyu --work FOLDER`. The folder is made anew.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from datetime import date, timedelta
from typing import Any

from benchmarks.large_home import PLACE, LargeHome, arguments, profiles_of, write_customers, write_identities
from benchmarks.peak import Peak, cpu_seconds
from jobs.audiences.steps import update_memberships
from quanyu.config.settings import load_settings
from quanyu.lake.receipt import Receipt
from quanyu.model.entities import Customer
from quanyu.model.outcomes import memberships_of


def main() -> None:
    """Print the figures as JSON: by day the rows that changed, seconds of the processor, these by million rows."""
    parser = arguments(__doc__)
    parser.add_argument("--moved", type=float, default=0.01)
    options = parser.parse_args()
    shutil.rmtree(options.work, ignore_errors=True)
    print(json.dumps([measured(options, options.day, 0.0),
                      measured(options, options.day + timedelta(days=1), options.moved)], indent=2))  # fmt: skip


def measured(options: argparse.Namespace, day: date, moved: float) -> dict[str, Any]:
    """The step of memberships for a day whose profiles are written before it."""
    context = LargeHome(load_settings(options.conf, options.work), day)
    keep_shipped(context)
    try:
        profiles = profiles_of(options.conf, options.home, options.day)
        write_customers(context, profiles, options.customers, moved)
        if not moved:
            write_identities(context)
        context.mark_current()
        table = memberships_of(Customer)
        context.lake.prepare(table)
        receipt = Receipt("memberships.customer", str(day), context.run_id, "b")
        began, used = time.monotonic(), cpu_seconds()
        with Peak() as peak:
            outcome = update_memberships(context, receipt, Customer)
        seconds, used = time.monotonic() - began, cpu_seconds() - used
        changed = outcome.rows_out
        return {"customers": context.lake.count_rows(PLACE), "audiences": len(context.catalogue.audiences),
                "moved": moved, "seconds": round(seconds, 2), "processor seconds": round(used, 2), "changed": changed,
                "processor seconds per million changed": round(used / max(changed, 1) * 1_000_000, 2),
                "unchanged": outcome.unchanged, **peak.gigabytes(), "notes": outcome.notes}  # fmt: skip
    finally:
        context.close()


def keep_shipped(context: LargeHome) -> None:
    """Leave the audiences of customers that are declared without measures, lists and seeds."""
    for name, one in list(context.catalogue.audiences.items()):
        if one.entity != Customer.name or one.measures or one.lists or one.alike:
            del context.catalogue.audiences[name]


if __name__ == "__main__":
    main()
