"""Tables of a home after its days, for queries by DuckDB.

Tables of the lake are `silver.orders`, `gold.memberships_customer` and so on; those of silver contain the rows that
are current after the last day; a declared table that was never written is empty. Beside them:

- `refused(problem)`: the error of `quanyu validate`, if it refused the case; such a case does not run.
- `runs(day, exit_code, words)`: each `quanyu run`. `steps(day, step, status, error)`: how each step ended.
- `mailed(day, address, subject)`: each .eml file, by the day of the run that wrote it.
- `seed(audience, day, kind, value)`: each hashed value in an export; `hashed(text)` computes it from a clear one.
- `people(source, name, value, customer_id)`: records by each of their identifiers, with the customer on the last day.
- `members(audience, value, customer_id, entered_on, left_on)`: stays in audiences, by each identifier of the member.
- `buyers(order_id, kind, value)`: orders, by each identifier of the customer.
- `quarantined(source, day, file, row, reasons, raw)`: rows that broke their contract, of all feeds.
- `asked(command, exit_code, words)`: the commands of the check, after its last day.
- `printed(line)`: the output of a case's program (check.py).
"""

from __future__ import annotations

import csv
import gzip
import io
from contextlib import closing
from datetime import date
from email import message_from_bytes, policy
from typing import Any

import duckdb
import pyarrow as pa
from case_check import Rows, as_texts
from case_home import CaseHome

from quanyu.config.settings import load_settings
from quanyu.grammar.table import Table
from quanyu.lake import place_of
from quanyu.run.runner import Context, result_of

VIEWS = """
create macro hashed(text) as sha256(text);
create view people as
    select i.source, p.display_name as name, n.kind, n.value, i.customer_id
    from gold.identities i
    left join silver.people p on p.source = i.source and p.person_key = i.person_key
    left join silver.identifiers n on n.source = i.source and n.person_key = i.person_key
    where i.valid_to is null;
create view members as
    select distinct m.audience, p.value, m.customer_id, m.entered_on, m.left_on
    from gold.memberships_customer m left join people p on p.customer_id = m.customer_id;
create view buyers as
    select distinct o.order_id, p.kind, p.value
    from silver.orders o
    left join gold.identities i on i.source = o.source and i.person_key = o.person_key and i.valid_to is null
    left join people p on p.customer_id = i.customer_id;
"""
QUARANTINED = {"source": "varchar", "day": "date", "file": "varchar", "row": "bigint", "reasons": "varchar[]",
               "raw": "varchar"}  # fmt: skip


class Evidence:
    """The tables of a home after its days, for queries."""

    def __init__(self) -> None:
        self.database = duckdb.connect()
        self.database.execute("set timezone = 'Asia/Shanghai'")

    def ask(self, query: str) -> Rows:
        """Return the rows of a query as sorted texts. Raises duckdb.Error."""
        return as_texts(self.database.execute(query).fetchall())

    def add(self, name: str, columns: dict[str, str], rows: list[tuple[Any, ...]]) -> None:
        """Add a table of plain rows."""
        declared = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
        self.database.execute(f"create table {name} ({declared})")
        if rows:
            self.database.executemany(f"insert into {name} values ({', '.join('?' * len(columns))})", rows)

    def add_lake(self, home: CaseHome) -> None:
        """Add every table of the lake, how steps ended, and the views over them."""
        with closing(Context(load_settings(home.conf, home.home), date(2024, 7, 1))) as context:
            for schema in ("bronze", "silver", "gold", "quarantine"):
                self.database.execute(f"create schema {schema}")
            for place in context.lake.places():
                self._add_arrow(place.replace("/", ".", 1), context.lake.rows(place))
            for table in context.catalogue.tables.values():
                if not context.lake.exists(place_of(table)):
                    self.add(place_of(table).replace("/", "."), _columns(table), [])
            self.add("quarantined", QUARANTINED, _quarantined(context))
            steps = {"day": "date", "step": "varchar", "status": "varchar", "error": "varchar"}
            self.add("steps", steps, _steps(context, home))
        self.database.execute(VIEWS)

    def _add_arrow(self, name: str, rows: pa.Table) -> None:
        self.database.register("arrived", rows)
        current = " where replaced_on is null" if name.startswith("silver.") else ""
        self.database.execute(f"create table {name} as select * from arrived{current}")
        self.database.unregister("arrived")


def evidence(home: CaseHome) -> Evidence:
    """All tables and views of a home after its days."""
    views = Evidence()
    views.add("refused", {"problem": "varchar"}, [])
    runs = [(day, code, words) for day, (code, words) in home.runs.items()]
    views.add("runs", {"day": "date", "exit_code": "int", "words": "varchar"}, runs)
    commands = [(line, code, words) for line, (code, words) in home.commands.items()]
    views.add("asked", {"command": "varchar", "exit_code": "int", "words": "varchar"}, commands)
    views.add("mailed", {"day": "date", "address": "varchar", "subject": "varchar"}, _mailed(home))
    views.add("seed", {"audience": "varchar", "day": "date", "kind": "varchar", "value": "varchar"}, _seeds(home))
    views.add_lake(home)
    return views


def _columns(table: type[Table]) -> dict[str, str]:
    return {name: _duckdb_type(column.type) for name, column in table.schema().items()}


def _duckdb_type(spark: str) -> str:
    if spark.startswith("array<"):
        return f"{_duckdb_type(spark[6:-1])}[]"
    return "timestamptz" if spark == "timestamp" else spark


def _steps(context: Context, home: CaseHome) -> list[tuple[Any, ...]]:
    ended = {day: context.store.results.of_day(day) for day in home.runs}
    results = [(day, result_of(row)) for day, rows in ended.items() for row in rows.values()]
    return [(day, result.step, result.status, result.error) for day, result in results]


def _quarantined(context: Context) -> list[tuple[Any, ...]]:
    columns = ("_day", "_file", "_row", "reasons", "raw")
    return [
        (place.partition("/")[2], *(row[name] for name in columns))
        for place in context.lake.places()
        if place.startswith("quarantine/")
        for row in context.lake.rows(place, list(columns)).to_pylist()
    ]


def _mailed(home: CaseHome) -> list[tuple[Any, ...]]:
    mails = [(day, message_from_bytes(file.read_bytes(), policy=policy.default)) for day, file in home.mails]
    return [(day, str(mail["To"]), str(mail["Subject"])) for day, mail in mails]


def _seeds(home: CaseHome) -> list[tuple[Any, ...]]:
    return [
        (part.parts[-4], date.fromisoformat(part.parts[-3].removeprefix("dt=")), kind, value)
        for part in sorted((home.home / "exports").rglob("full-*.csv.gz"))
        for row in csv.DictReader(io.StringIO(gzip.decompress(part.read_bytes()).decode()))
        for kind, value in row.items()
        if value
    ]
