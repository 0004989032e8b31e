"""Customers of persons as valid on a day: by the log of ids where it reaches back that far, before that today's."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from quanyu.identifiers.valid import PERSON
from quanyu.run.runner import Context

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def log_began(context: Context) -> date:
    """First day of the log of customer ids; `date.max` if it has none yet."""
    rows = context.lake.table(context.catalogue.tables["identities"]).selectExpr("min(valid_from) as first")
    return rows.collect()[0]["first"] or date.max


def valid_sql(began: date) -> str:
    """SQL condition of the rows of `identities` that are valid on `as_of`; before the log, of those of today."""
    then = "valid_from <= as_of and (valid_to is null or valid_to > as_of)"
    return f"if(as_of < date'{began}', valid_to is null, {then})"


def customers_on(context: Context, day: date, began: date) -> DataFrame:
    """Customer of each person as valid on a day: source, person_key, customer_id."""
    rows = context.lake.table(context.catalogue.tables["identities"])
    return rows.where(valid_sql(began).replace("as_of", f"date'{day}'")).select(*PERSON, "customer_id")


def customers_of(context: Context, named: DataFrame, began: date) -> DataFrame:
    """Customers that a spine names, as valid on each day: the columns of `named`, and `customer_id` as `customer`.

    `named` has distinct rows of `as_of` and either `customer_id`, or `source` and `person_key`. An id that was not
    valid on the day stands for the customer to whom the first of its records of today belonged then. Who was nobody's
    record on the day is left out.
    """
    identities = context.lake.table(context.catalogue.tables["identities"])
    valid = valid_sql(began)
    if "customer_id" not in named.columns:
        return named.join(identities, PERSON).where(valid).selectExpr(*named.columns, "customer_id as customer")
    direct = named.join(identities, "customer_id").where(valid)
    today = identities.where("valid_to is null").select("customer_id", *PERSON)
    then = identities.selectExpr(*PERSON, "customer_id as customer", "valid_from", "valid_to")
    by_record = named.join(today, "customer_id").join(then, PERSON).where(valid)
    columns = ["customer_id", "as_of", "customer", "valid_from", *PERSON]
    both = direct.selectExpr(*columns[:2], "customer_id as customer", *columns[3:], "0 as other")
    both = both.unionByName(by_record.selectExpr(*columns, "1 as other"))
    order = "partition by customer_id, as_of order by other, valid_from, source, person_key"
    first = both.selectExpr("*", f"row_number() over ({order}) as nth").where("nth = 1")
    return first.select("customer_id", "as_of", "customer")
