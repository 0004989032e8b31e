"""Addresses in the form that a platform takes, computed by the engine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from jobs.exports.hashing import IdFormat
from jobs.exports.platform import Platform
from quanyu.grammar.platforms.account import Account
from quanyu.literals import quoted
from quanyu.run.runner import Context

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame


def forms_sent(platform: type[Platform], account: Account | None) -> Mapping[str, IdFormat]:
    """Forms of the identifiers that an account sends: those it names, or all that the platform takes."""
    if account is None:
        return platform.forms
    forms = platform.forms_of(account)
    return {name: form for name, form in forms.items() if not account.send or name in account.send}


def kinds_of(identifiers: Iterable[str]) -> tuple[str, ...]:
    """Kinds of address behind identifiers: `device` of `device:idfa`; each once."""
    return tuple(dict.fromkeys(name.partition(":")[0] for name in identifiers))


def formed(rows: DataFrame, forms: Mapping[str, IdFormat], scopes: Mapping[str, str]) -> DataFrame:
    """Rows of addresses (kind, scope, value) with the `identifier` they are sent as, and `formed`, the platform's form.

    Both are null where the platform takes no such identifier, `formed` alone where the value normalises to nothing.
    """
    cases = {name: _is(name, scopes.get(name, "")) for name in forms}
    identifier = _case({condition: quoted(name) for name, condition in cases.items()})
    values = _case({condition: forms[name].sql("value") for name, condition in cases.items()})
    return rows.selectExpr("*", f"{identifier} as identifier", f"{values} as formed")


def _is(identifier: str, scope: str) -> str:
    """SQL of whether an address is an identifier: by kind, and by scope where one is named."""
    kind, _, own_scope = identifier.partition(":")
    within = f" and scope = {quoted(own_scope or scope)}" if own_scope or scope else ""
    return f"(kind = {quoted(kind)}{within})"


def _case(values: Mapping[str, str]) -> str:
    cases = " ".join(f"when {condition} then {value}" for condition, value in values.items())
    return f"case {cases} end"


def rows_of_customers(addresses: DataFrame, identifiers: Sequence[str]) -> DataFrame:
    """Rows of a file, with a column per identifier, each once, from rows with identifier and `formed`.

    The newest values of all identifiers of a customer share a row, then the next ones, so that each value is in one
    row, not in every combination.
    """
    from pyspark.sql import functions as F  # noqa: N812

    newest = "row_number() over (partition by customer_id, identifier order by recorded_on desc, formed) as nth"
    ranked = addresses.where("formed is not null").selectExpr("customer_id", "identifier", "formed", newest)
    columns = [F.expr(f"max(if(identifier = {quoted(name)}, formed, null))").alias(name) for name in identifiers]
    return ranked.groupBy("customer_id", "nth").agg(*columns).drop("customer_id", "nth").distinct()


def sorted_rows(
    context: Context, addresses: DataFrame, forms: Mapping[str, IdFormat], files: Sequence[Sequence[str]]
) -> Iterator[pa.RecordBatch]:
    """Rows of files as Arrow batches with a text column per identifier, named as the form names it.

    The rows of each of `files` (identifiers that share one) ascend, nulls first, and have no values of other files.
    """
    import pyarrow as pa
    from pyarrow import compute

    for file in files:
        names = [name for name in file if name in forms]
        if not names:
            continue
        rows = context.lake.staging.stage(rows_of_customers(addresses.where(_among(names)), names)).arrow()
        # The engine writes several files, of which none says where it belongs.
        order = [(name, "ascending", "at_start") for name in names]
        rows = rows.take(compute.sort_indices(rows, sort_keys=order))
        columns = {form.column(name): rows[name] if name in names else pa.nulls(rows.num_rows, pa.string())
                   for name, form in forms.items()}  # fmt: skip
        yield from pa.table(columns).to_batches(max_chunksize=100_000)


def _among(identifiers: Sequence[str]) -> str:
    return f"identifier in ({', '.join(map(quoted, identifiers))})"
