"""Customers: the combined data of all sources, by survivorship rules per column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from jobs.consent import states
from quanyu.grammar.job import job
from quanyu.model.people import Consents, Customers, Identifiers, People

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

OF_PEOPLE = {
    "gender": "nullif(gender, 'unknown')", "city": "city", "country": "country",
    "birth_year": "if(birthday = date'1900-01-01', null, year(birthday))",
}  # fmt: skip
LISTS = ("consents", "reachable_by")
REACHABLE = ("phone", "email", "openid", "external_userid")


@job(reads=[People, Identifiers, Consents], writes=Customers)
def customers(
    people: DataFrame, identifiers: DataFrame, consents: DataFrame, records: DataFrame,
    wins: Mapping[str, Sequence[str]],
) -> DataFrame:  # fmt: skip
    """One row per customer from facts with customer_id; `wins` ranks sources per column, unranked ones come last.

    `records` are those of as_of.records_known, `identifiers` the current ones.
    """
    from pyspark.sql import functions as F  # noqa: N812

    columns = [
        _winning(name, sql, wins.get(name, Customers.columns[name].wins)).alias(name) for name, sql in OF_PEOPLE.items()
    ]
    attributes = people.groupBy("customer_id").agg(*columns, F.expr("min(joined_on)").alias("_joined"))
    persons = _persons(records).join(_reachable(identifiers), "customer_id", "left")
    joined = persons.join(attributes, "customer_id", "left").join(states.granted(consents), "customer_id", "left")
    lists = {name: f"coalesce({name}, cast(array() as array<string>)) as {name}" for name in LISTS}
    expressions = {"joined_on": "least(_joined, _known) as joined_on", **lists}
    return joined.selectExpr(*(expressions.get(name, name) for name in Customers.columns))


def _persons(records: DataFrame) -> DataFrame:
    """Number of records, sources and first day of each customer."""
    from pyspark.sql import functions as F  # noqa: N812

    return records.groupBy("customer_id").agg(
        F.expr("count(*)").alias("persons"),
        F.expr("sort_array(array_distinct(collect_list(source)))").alias("sources"),
        F.expr("min(known_on)").alias("_known"),
    )


def _reachable(identifiers: DataFrame) -> DataFrame:
    """Kinds of identifiers by which a customer can be reached."""
    from pyspark.sql import functions as F  # noqa: N812

    kinds = ", ".join(f"if(bool_or(kind = '{kind}'), '{kind}', null)" for kind in sorted(REACHABLE))
    return identifiers.groupBy("customer_id").agg(F.expr(f"array_compact(array({kinds}))").alias("reachable_by"))


def _winning(name: str, sql: str, order: Sequence[str]) -> Column:
    """The value of the highest-ranked source; within a source of the newest record, then the greatest text."""
    from pyspark.sql import functions as F  # noqa: N812

    ranks = " ".join(f"when source = '{source}' then {len(order) - rank}" for rank, source in enumerate(order))
    rank = f"case {ranks} else 0 end" if ranks else "0"
    # One string orders records: a struct would cost each customer the memory of its whole batch.
    value = f"cast({sql} as string)"
    order = f"concat(lpad(cast({rank} as string), 4, '0'), cast(recorded_on as string), source, chr(1), {value})"
    return F.expr(f"max_by({sql}, {order}) filter (where ({sql}) is not null)")
