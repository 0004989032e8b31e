"""What a new or changed source would give: the rows of its newest file, ingested into a temporary folder."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping

from jobs.ingest.landing.listing import Listing, listing_of
from jobs.ingest.steps import ingest
from quanyu.engine.session import engine_name
from quanyu.engine.spark import SparkEngine
from quanyu.errors import QuanyuError
from quanyu.feeds.source import Source
from quanyu.lake.receipt import Receipt
from quanyu.plurals import is_or_are, number_of
from quanyu.run.planning.plan import Trial
from quanyu.run.runner import Context


def effects(trial: Trial) -> Mapping[str, list[str]]:
    """What the newest file of each source would give."""
    names = trial.of("source")
    if not names:
        return {}
    with _copy(trial) as context:
        return {f"source {name}": list(_sample(context, context.catalogue.sources[name])) for name in names}


@contextlib.contextmanager
def _copy(trial: Trial) -> Iterator[Context]:
    """A context of an empty home in the temporary folder, with the same declarations and landed files."""
    settings = trial.context.settings
    name = engine_name(settings)
    spark = settings.spark.model_copy(update={"remote": None})
    home = trial.folder / "sample"
    copy = settings.model_copy(update={"home": home, "store": "", "engine": name, "spark": spark})
    with contextlib.closing(Context(copy, trial.context.day, trial.context.run_id, sends=False)) as context:
        context.__dict__["catalogue"] = trial.context.catalogue
        yield context
    if name == "spark":
        SparkEngine(copy).stop()


def _sample(context: Context, source: Source) -> Iterator[str]:
    listing = listing_of(context, source)
    if not listing.files:
        yield "no file of it has landed yet"
        return
    newest = max(listing.files, key=lambda file: (file.day is not None, file.day or 0, file.name))
    # A file that its sender may still be writing is a sample all the same.
    newest.postponed_because = ""
    context.listings[source.name] = Listing((newest,), ())
    alone = source.model_copy(update={"extracts": None})
    step = context.step(f"ingest.{source.name}")
    receipt = Receipt(step.name, context.day.isoformat(), context.run_id, step.definition)
    try:
        outcome = ingest(context, receipt, alone)
    except QuanyuError as error:
        yield f"{newest.name} stops it: {error}"
        return
    yield f"{newest.name} gives {', '.join(_filled(context, source)) or 'no row'}"
    if outcome.quarantined:
        yield f"{number_of(outcome.quarantined, 'row')} {is_or_are(outcome.quarantined)} bad"
    yield from outcome.breaches.values()


def _filled(context: Context, source: Source) -> Iterator[str]:
    """Rows that the source gave to each table."""
    from pyarrow import compute

    for name in [*source.tables(), *(["identifiers"] if source.person else [])]:
        place = f"silver/{name}"
        if context.lake.exists(place):
            rows = context.lake.rows(place, ["source"], compute.field("source") == source.name).num_rows
            yield f"{rows:,} {name}"
