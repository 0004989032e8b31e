"""Checks whether consent data is complete. While it is not, nobody is added or messaged; removals still go out."""

from __future__ import annotations

from jobs.consent.facts import feeds
from jobs.ingest.checks import guards
from jobs.ingest.extracts import extract
from jobs.ingest.landing import landing
from quanyu.feeds.source import Source
from quanyu.run.runner import Context


def reasons_to_wait(context: Context, purpose: str) -> list[str]:
    """Reasons why the newest consents may be missing on the context's day; empty if none."""
    words = []
    for name in feeds(context, purpose):
        words += _of_source(context, context.catalogue.sources[name])
    if not context.is_current("identities"):
        words.append(f"identities were not updated to {context.day}")
    return words


def _of_source(context: Context, source: Source) -> list[str]:
    landing.refresh_listing(context, source)
    pending = len(landing.landed(context, source))
    words = [f"{source.name}: {pending} landed files are not ingested"] if pending else []
    words += [f"{source.name}: {aside}" for aside in landing.doubtful(context, source)]
    if extract.pending(context, source):
        words.append(f"{source.name}: nothing was extracted from its database for {context.day}")
    return [*words, *(text.partition(";")[0] for text in guards.breaches(context, source).values())]
