"""The weekly maintenance of every table in the lake."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from jobs.upkeep.facts import UpkeepFacts
from quanyu.discover import Catalogue
from quanyu.lake.receipt import Receipt
from quanyu.run import integrity
from quanyu.run.runner import Context, Outcome, Step


def steps(catalogue: Catalogue) -> list[Step]:
    """List the one step, which runs once in a calendar week (ISO 8601)."""
    return [
        Step(
            "upkeep", "upkeep", (), (), "", keep_up,
            "Compacts small files, and removes those older than the retention.", inputs=week,
        )
    ]  # fmt: skip


def week(context: Context) -> Mapping[str, Any]:
    """Inputs of the step, which runs when they change: the week of the day, and the retention."""
    return {"week": context.day.strftime("%G-W%V"), "retention_days": context.settings.retention_days}


def keep_up(context: Context, receipt: Receipt) -> Outcome:
    """Compact and clean every table, and remove old results of steps and staging folders of killed runs."""
    lake, retention = context.lake, timedelta(days=context.settings.retention_days)
    places = lake.places()
    done = [lake.maintain(place, retention) for place in places]
    compacted, removed = (sum(getattr(each, name) for each in done) for name in ("compacted", "removed"))
    context.store.results.forget(datetime.now(UTC) - retention)
    dead, aside = lake.staging.clear_dead(), integrity.remove_set_aside(context, datetime.now(UTC) - retention)
    notes = [f"{compacted} small files compacted, {removed} old ones removed" if compacted or removed else ""]
    notes.append(f"{dead} staging folders of killed runs removed" if dead else "")
    notes.append(f"{aside} sets of lost tables removed from lake/_lost" if aside else "")
    return Outcome(len(places), notes=tuple(filter(None, notes)), facts=UpkeepFacts(compacted, removed))
