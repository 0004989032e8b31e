"""MySQL and MariaDB through connectorx, which runs in a process of its own and returns Arrow batches."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from jobs.ingest.extracts.connectorx_process import DriverError, rows_of
from jobs.ingest.extracts.database import DatabaseColumn, DatabaseReader, ExtractError
from quanyu.errors import RetryableError
from quanyu.feeds.extract import Extracts

if TYPE_CHECKING:
    import pyarrow as pa

# Types that land as they are. All others are selected as text: also decimal, so that no amount becomes a double.
_TYPED = {
    "tinyint", "smallint", "mediumint", "int", "bigint", "year", "float", "double", "char", "varchar", "tinytext",
    "text", "mediumtext", "longtext", "enum", "set", "binary", "varbinary", "tinyblob", "blob", "mediumblob",
    "longblob",
}  # fmt: skip
_TIMES: Mapping[str, Any] = {"timestamp": "instant", "datetime": "naive", "date": "date"}
# The driver's names of SSL modes, by those of the clients of MySQL and MariaDB.
_SSL_MODES = {
    "disabled": "disabled", "required": "required", "verify_ca": "verify_ca", "verify_identity": "verify_identity",
    "disable": "disabled", "trust": "required", "verify-ca": "verify_ca", "verify-full": "verify_identity",
}  # fmt: skip
# Error codes of the server, by their meaning.
_NO_LOGIN = {1045, 1251, 1524, 1698, 1820, 1862, 4151}
_NO_DATABASE = {1044, 1049}
_NOT_THERE = {1051, 1054, 1142, 1143, 1146, 1356}
_BUSY = {1040, 1129, 1203, 1226}
_BROKEN_OFF = {1053, 1158, 1159, 1160, 1161, 1205, 1213, 1317, 1927, 1969, 3024, 4031}


class MySQL(DatabaseReader):
    """MySQL or MariaDB."""

    kinds: ClassVar[tuple[str, ...]] = ("mysql", "mariadb")
    options: ClassVar[Mapping[str, str]] = {"ssl-mode": "ssl-mode", "sslMode": "ssl-mode", "ssl-ca": "ssl-ca"}
    quote: ClassVar[str] = "`"

    def __init__(self, extracts: Extracts, hosts: str, database: str, options: Mapping[str, str]) -> None:
        if "," in hosts:
            raise ExtractError("url", f"what {extracts.url} stands for names more than one host; only one is allowed")
        mode = options.get("ssl-mode", "disabled").lower()
        if mode not in _SSL_MODES:
            words = f"has an ssl-mode that is not known; allowed: {', '.join(_SSL_MODES)}"
            raise ExtractError("url", f"what {extracts.url} stands for {words}")
        super().__init__(extracts, hosts, database, {**options, "ssl-mode": _SSL_MODES[mode]})

    def instant(self, at: datetime) -> str:
        """SQL of an instant by its epoch seconds, since a literal would be read in the zone of the server."""
        seconds, rest = divmod(max(at - datetime(1970, 1, 1, tzinfo=UTC), timedelta()), timedelta(seconds=1))
        return f"from_unixtime({seconds}.{rest.microseconds:06})"

    def columns(self) -> dict[str, DatabaseColumn]:
        """Columns that this user may see."""
        *schema, table = self.extracts.table.split(".")
        if len(schema) > 1:
            raise ExtractError("table", f"{self.extracts.table} has three parts; a table is written `database.table`")
        within = f"'{schema[0]}'" if schema else "database()"
        # The parts of the table are names, which hold no quotes.
        query = (
            "select cast(column_name as char) as name, cast(data_type as char) as type"  # noqa: S608
            f" from information_schema.columns where table_schema = {within} and table_name = '{table}'"
            " order by ordinal_position"
        )
        with self._rows(query) as (_, batches):
            columns = [self._column(row["name"], row["type"]) for batch in batches for row in batch.to_pylist()]
        if not columns:
            raise self._missing_table()
        return {column.name: column for column in columns}

    def _column(self, name: str, kind: str) -> DatabaseColumn:
        column = self.quoted(name)
        if kind == "timestamp":
            # As text it would be in the zone of the server, in which one hour of autumn occurs twice.
            selected = f"cast(unix_timestamp({column}) * 1000000 as signed)"
        elif kind == "bit":
            selected = f"cast({column} as unsigned)"
        else:
            selected = column if kind in _TYPED else f"cast({column} as char)"
        return DatabaseColumn(name, kind, _TIMES.get(kind), selected)

    @contextlib.contextmanager
    def read(
        self, query: str, columns: Sequence[DatabaseColumn]
    ) -> Iterator[tuple[pa.Schema, Iterator[pa.RecordBatch]]]:
        """Stream rows; dates and times arrive as text or number and are converted here."""
        with self._rows(query) as (schema, batches):
            for position, column in enumerate(columns):
                if column.time:
                    schema = schema.set(position, schema.field(position).with_type(_type(column)))
            yield schema, (self._typed(batch, schema, columns) for batch in batches)

    def _typed(self, batch: pa.RecordBatch, schema: pa.Schema, columns: Sequence[DatabaseColumn]) -> pa.RecordBatch:
        import pyarrow as pa

        arrays = list(batch.columns)
        for position, column in enumerate(columns):
            if column.time:
                try:
                    arrays[position] = _times(arrays[position], schema.field(position).type)
                except pa.ArrowInvalid:
                    words = f"{self.extracts.table} has a value in {column.name} that is no day, such as 2024-00-00"
                    raise ExtractError("table", f"{words}: name a view without it") from None
        return pa.RecordBatch.from_arrays(arrays, schema=schema)

    @contextlib.contextmanager
    def _rows(self, query: str) -> Iterator[tuple[pa.Schema, Iterator[pa.RecordBatch]]]:
        try:
            with rows_of(self.url, query) as rows:
                yield rows
        except DriverError as error:
            raise self._explained(str(error)) from None

    def _explained(self, text: str) -> Exception:
        url, table = self.extracts.url, self.extracts.table
        code = re.search(r"ERROR (\d+) \(", text)
        if code:
            return self._of_code(int(code[1]))
        if "failed to lookup address" in text:
            return RetryableError(f"the host that {url} names is not known here; if it is right, try again")
        if "Could not connect to address" in text:
            return RetryableError(f"the database that {url} names cannot be reached; try again")
        if re.search(r"(Driver|Tls|Ssl)Error \{.*(secure|certificate|tls|ssl)", text, re.IGNORECASE):
            return ExtractError("url", f"the connection that {url} asks for cannot be made: look at its ssl options")
        if "convert the value" in text:
            return ExtractError("table", f"{table} has a value that the driver cannot read: name a view without it")
        return RetryableError("the database closed the connection; its own log says why")

    def _of_code(self, code: int) -> Exception:
        extracts = self.extracts
        if code in _NO_LOGIN:
            logins = f"{extracts.user} and {extracts.password} stand for"
            return ExtractError("password", f"the database refuses the login that {logins}")
        if code in _NO_DATABASE:
            words = f"what {extracts.url} stands for names a database that is not there, or not for this user"
            return ExtractError("url", words)
        if code in _NOT_THERE:
            return self._missing_table()
        if code in _BUSY:
            return RetryableError(f"the database that {extracts.url} names accepts no logins now; try again")
        if code in _BROKEN_OFF:
            return RetryableError("the database closed the connection; its own log says why")
        words = f"the database cannot read {extracts.table} (its error {code}); its own log says why"
        return ExtractError("table", words)

    def _missing_table(self) -> ExtractError:
        return ExtractError("table", f"the database has no table or view {self.extracts.table} that this user may read")


def _type(column: DatabaseColumn) -> pa.DataType:
    import pyarrow as pa

    if column.time == "date":
        return pa.date32()
    return pa.timestamp("us", tz="UTC" if column.time == "instant" else None)


def _times(values: pa.Array, kind: pa.DataType) -> pa.Array:
    """Convert texts, or microseconds since 1970, to a type. Zero, which stands for no date, becomes null."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_integer(values.type):
        return pc.if_else(pc.equal(values, 0), None, values).cast(kind)
    return pc.if_else(pc.starts_with(values, "0000-00-00"), None, values).cast(kind)
