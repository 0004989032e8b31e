"""Customers: the combined data of all sources, by survivorship rules per column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from jobs.consent import states
from quanyu.grammar.job import job
from quanyu.grammar.table import Table
from quanyu.model.people import CONTACT_KINDS, Consents, Customers, Identifiers, People
from quanyu.point_in_time.survivorship import surviving

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

OF_PEOPLE = {
    "gender": "nullif(gender, 'unknown')", "city": "city", "region": "region", "country": "country",
    "birth_year": "if(birthday = date'1900-01-01', null, year(birthday))",
}  # fmt: skip
# Columns that are described by where they are from, and by how many records and feeds say the same.
BASICS = ("gender", "city", "region", "birth_year")
# Between a feed and what its record says.
SAYS = "chr(1)"
LISTS = ("consents", "reachable_by")


@job(reads=[People, Identifiers, Consents], writes=Customers, by_customer=True)
def customers(
    people: DataFrame, identifiers: DataFrame, consents: DataFrame, records: DataFrame,
    survivorship: Mapping[str, Sequence[str]], table: type[Table] = Customers,
) -> DataFrame:  # fmt: skip
    """Combine what all sources know of each customer, a row each.

    Facts have customer_id; `survivorship` ranks sources per column, unranked ones come last.
    `records` are those of as_of.records_known, `identifiers` the current ones. `table` may have traits beside the
    columns of Customers: columns of people of the same name.
    """
    from pyspark.sql import functions as F  # noqa: N812

    traits = {name: f"`{name}`" for name in table.columns if name not in Customers.columns}
    columns = [
        F.expr(surviving(sql, table.columns[name], survivorship.get(name))).alias(name)
        for name, sql in {**OF_PEOPLE, **traits}.items()
    ]
    columns += [F.expr(sql).alias(name) for name, sql in _sources_of_basics(table, survivorship).items()]
    attributes = people.groupBy("customer_id").agg(*columns, F.expr("min(joined_on)").alias("_joined"))
    persons = _persons(records).join(_reachable(identifiers), "customer_id", "left")
    joined = persons.join(attributes, "customer_id", "left").join(states.granted(consents), "customer_id", "left")
    lists = {name: f"coalesce({name}, cast(array() as array<string>)) as {name}" for name in LISTS}
    expressions = {"joined_on": "least(_joined, _known) as joined_on", **lists}
    for name in BASICS:
        expressions |= _confidence(name)
    return joined.selectExpr(*(expressions.get(name, name) for name in table.columns))


def _sources_of_basics(table: type[Table], survivorship: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """SQL aggregates over a customer's records: the feed of each basic's value, and what each record says of it."""
    aggregates = {}
    for name in BASICS:
        sql, column = OF_PEOPLE[name], table.columns[name]
        aggregates[f"{name}_source"] = surviving(sql, column, survivorship.get(name), "source")
        aggregates[f"_{name}"] = f"collect_list(concat(source, {SAYS}, cast({sql} as string)))"
    return aggregates


def _confidence(name: str) -> dict[str, str]:
    """SQL of the share of the records that say the value of a basic, and of the number of feeds that do."""
    same = f"filter(_{name}, e -> split_part(e, {SAYS}, 2) = cast({name} as string))"
    feeds = f"size(array_distinct(transform({same}, e -> split_part(e, {SAYS}, 1))))"
    return {
        f"{name}_confidence": f"if({name} is null, null, size({same}) / size(_{name})) as {name}_confidence",
        f"{name}_feeds": f"cast(if({name} is null, 0, {feeds}) as bigint) as {name}_feeds",
    }


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

    kinds = ", ".join(f"if(bool_or(kind = '{kind}'), '{kind}', null)" for kind in sorted(CONTACT_KINDS))
    return identifiers.groupBy("customer_id").agg(F.expr(f"array_compact(array({kinds}))").alias("reachable_by"))
