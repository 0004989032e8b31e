"""A retailer's table of members in a real database, and its extracts."""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa
import pyarrow.parquet as pq
from mariadb import MariaDB
from postgres import Postgres

from jobs.ingest.extracts import extract

MEMBERS = """
describes: Members of the loyalty programme.
owner: crm
reads: {path: "loyalty/{day}/*.parquet", format: parquet}
extracts:
  url: env:LOYALTY_DB_URL
  user: env:LOYALTY_DB_USER
  password: env:LOYALTY_DB_PASSWORD
  table: members
  watermark: updated_at
  overlap: 2 days
delivers: changes
freshness: none
person: [{kind: member, scope: brand, value: card}]
fills:
  people: {display_name: name, city: city}
"""
ONE, TWO, THREE = (f"2024-01-0{n}" for n in (1, 2, 3))
INSTANT = {Postgres: "timestamptz", MariaDB: "timestamp(6) null"}


def create(database, columns):
    database.run(f"drop table if exists members{' cascade' * (type(database) is Postgres)}")
    database.run(f"create table members ({columns})")


def put(database, card, city, at):
    city = city.replace("'", "''")
    instant = "null" if at is None else f"'{at}'"
    if at and type(database) is MariaDB:
        instant = f"from_unixtime({datetime.fromisoformat(at).timestamp():.6f})"
    database.run(f"delete from members where card = '{card}'")
    database.run(f"insert into members values ('{card}', 'Name of {card}', '{city}', {instant})")


def landed(retailer, day):
    """Rows of a day's extract in landing."""
    files = sorted((retailer.home / "landing" / "loyalty" / day).glob("*.parquet"))
    return pa.concat_tables([pq.read_table(file) for file in files])


def cards(retailer, day):
    return sorted(landed(retailer, day)["card"].to_pylist())


def take(retailer, day):
    """Extract a day, without ingesting it."""
    context = retailer.context(day)
    return extract.extract(context, context.catalogue.sources["loyalty"])
