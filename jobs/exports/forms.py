"""Addresses in the form that a platform takes, computed by the engine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from jobs.exports.hashing import IdFormat
from jobs.exports.platform import Platform
from quanyu.grammar.platforms.account import Account
from quanyu.literals import quoted

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def forms_sent(platform: type[Platform], account: Account | None) -> Mapping[str, IdFormat]:
    """Forms of the identifiers that an account sends: those it names, or all that the platform takes."""
    return {
        name: form for name, form in platform.forms.items() if not (account and account.send) or name in account.send
    }


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
