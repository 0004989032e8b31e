"""When consents are in doubt: then nobody is added and nothing is sent, and removals go out all the same."""

from __future__ import annotations

from jobs.ingest import guards, landing
from quanyu.run import Context
from quanyu.source import Source

# What decides who may be reached; message systems are asked where a message goes out.
ALWAYS = ("consents", "suppressions")


def doubts(context: Context, purpose: str) -> list[str]:
    """Say what keeps the newest answers from being known on the context's day; nothing where they are."""
    told = ALWAYS if purpose != "messages" else (*ALWAYS, "messages")
    words = []
    for source in context.catalogue.sources.values():
        if set(told) & set(source.tables()):
            words += _of_source(context, source)
    if not context.is_current("identities"):
        words.append(f"identities were not brought to {context.day} by the newest records")
    return words


def _of_source(context: Context, source: Source) -> list[str]:
    landing.list_anew(context, source)
    pending = len(landing.landed(context, source))
    words = [f"{source.name}: {pending} landed files are not taken"] if pending else []
    return [*words, *(text.partition(";")[0] for text in guards.breaches(context, source).values())]
