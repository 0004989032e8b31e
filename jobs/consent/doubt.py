"""When consents are in doubt: then nobody is added and nothing is sent, and removals go out all the same."""

from __future__ import annotations

from jobs.ingest import guards, landing
from quanyu.errors import ContractError
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
    files = context.store.ledger.files(source.name)
    there = {name for name, _ in source.files(context.settings.landing, context.settings.data)}
    pending = len(landing.landed(context, source))
    refused = sum(file.status == "refused" and file.path in there for file in files.values())
    words = []
    if pending:
        words.append(f"{source.name}: {pending} landed files are not taken")
    if refused:
        words.append(f"{source.name}: {refused} files are refused")
    if source.freshness is not None:
        newest = landing.newest_taken(files)
        if newest is None:
            words.append(f"{source.name}: nothing has landed yet")
        else:
            words += _late(context, source)
    return words


def _late(context: Context, source: Source) -> list[str]:
    try:
        newest = landing.newest_taken(context.store.ledger.files(source.name))
        guards.check_freshness(source, newest, context.day)
    except ContractError as error:
        return [str(error).partition(";")[0]]
    return []
