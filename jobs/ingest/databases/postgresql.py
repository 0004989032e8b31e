"""PostgreSQL through ADBC, which returns Arrow batches by COPY."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from jobs.ingest.extracts.database import DatabaseColumn, DatabaseReader, ExtractError
from quanyu.errors import RetryableError
from quanyu.feeds.extract import Extracts

if TYPE_CHECKING:
    import pyarrow as pa

# Types that land as they are. All others are selected as text: also numeric, so that no amount becomes a double.
_TYPED = {"bool", "int2", "int4", "int8", "float4", "float8", "text", "varchar", "bpchar", "bytea", "time"}
_TIMES: Mapping[str, Any] = {"timestamptz": "instant", "timestamp": "naive", "date": "date"}
_SAME = (
    "sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl", "ssl_min_protocol_version", "channel_binding",
    "gssencmode", "connect_timeout", "tcp_user_timeout", "keepalives", "target_session_attrs", "application_name",
)  # fmt: skip

# Messages of libpq itself about a failed connection, which are always in English.
_UNREACHED = {
    r"could not translate host name": "the host that {url} names is not known here; if it is right, try again",
    r"Connection refused|timeout expired|timed out|Network is unreachable|No route to host|closed the connection": (
        "the database that {url} names cannot be reached; try again"
    ),
}
_UNENCRYPTED = r"SSL|certificate|channel binding|invalid \S+ value|invalid URI|invalid integer"
# Messages of the server, which are in its own language; these are the English ones.
_BUSY = r"too many|remaining connection|starting up|shutting down|recovery|not yet accepting"
_NO_LOGIN = r"authentication failed|role .* does not exist|not permitted to log in|no pg_hba.conf entry|no password"
_NO_DATABASE = r"database .* does not exist|permission denied for database|not currently accepting connections"
# Classes of SQLSTATE that are temporary: connection, resources, operator intervention, conflicts, system errors.
_PASSING = ("08", "40", "53", "55", "57", "58", "XX")
_NOT_THERE = ("42P01", "42501", "3F000", "0A000", "42602")


class PostgreSQL(DatabaseReader):
    """PostgreSQL, or a database with its protocol."""

    kinds: ClassVar[tuple[str, ...]] = ("postgresql", "postgres")
    options: ClassVar[Mapping[str, str]] = {
        **{name: name for name in _SAME}, "connectTimeout": "connect_timeout", "ApplicationName": "application_name",
    }  # fmt: skip

    def __init__(self, extracts: Extracts, hosts: str, database: str, options: Mapping[str, str]) -> None:
        waits = {"connect_timeout": "10", "application_name": "quanyu", **options}
        super().__init__(extracts, hosts, database, waits)

    def columns(self) -> dict[str, DatabaseColumn]:
        """Columns by the server's description of a query of the whole table."""
        with self._cursor() as cursor:
            query = f"select * from {self.quoted(self.extracts.table)}"  # noqa: S608 (quoted names only)
            schema = cursor.adbc_execute_schema(query)
        types = {field.name: (field.metadata or {}).get(b"POSTGRESQL:type", b"").decode() for field in schema}
        return {name: self._column(name, kind) for name, kind in types.items()}

    def _column(self, name: str, kind: str) -> DatabaseColumn:
        column = self.quoted(name)
        if kind.startswith("_"):
            selected = f"to_json({column})::text"
        elif kind == "money":
            # As text it has the currency and the commas of the session's language.
            selected = f"{column}::numeric::text"
        else:
            selected = column if kind in _TYPED or kind in _TIMES else f"{column}::text"
        return DatabaseColumn(name, kind, _TIMES.get(kind), selected)

    @contextlib.contextmanager
    def read(
        self, query: str, columns: Sequence[DatabaseColumn]
    ) -> Iterator[tuple[pa.Schema, Iterator[pa.RecordBatch]]]:
        """Stream rows by COPY, in batches of about 16 MB."""
        from adbc_driver_manager._reader import AdbcRecordBatchReader

        with self._cursor() as cursor:
            cursor.execute(query)
            stream = cursor.fetch_arrow()
            # The only reader of such a stream whose errors have a SQLSTATE.
            rows = AdbcRecordBatchReader._import_from_c(stream.address)
            yield rows.schema, self._batches(rows)

    def _batches(self, rows: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa
        from adbc_driver_manager import Error

        try:
            yield from rows
        except (Error, pa.ArrowException, OSError) as error:
            raise self._broken(getattr(error, "sqlstate", None)) from None

    @contextlib.contextmanager
    def _cursor(self) -> Iterator[Any]:
        from adbc_driver_manager import Error
        from adbc_driver_postgresql import dbapi

        try:
            connection = dbapi.connect(self.url)
        except Error as error:
            raise self._unconnected(str(error)) from None
        with contextlib.closing(connection), connection.cursor() as cursor:
            try:
                yield cursor
            except Error as error:
                raise self._broken(error.sqlstate) from None

    def _unconnected(self, text: str) -> Exception:
        """Error for a failed connection, by its message, since the driver gives no SQLSTATE for it."""
        extracts, text = self.extracts, text.partition("Failed to connect: ")[2]
        for pattern, words in _UNREACHED.items():
            if re.search(pattern, text):
                return RetryableError(words.format(url=extracts.url))
        logins = f"the login that {extracts.user} and {extracts.password} stand for"
        if re.search(_BUSY, text):
            return RetryableError(f"the database that {extracts.url} names accepts no logins now; try again")
        if re.search(_NO_LOGIN, text):
            return ExtractError("password", f"the database refuses {logins}")
        if re.search(_NO_DATABASE, text):
            words = f"what {extracts.url} stands for names a database that is not there, or not for this user"
            return ExtractError("url", words)
        if re.search(_UNENCRYPTED, text):
            words = f"the connection that {extracts.url} asks for cannot be made: look at its sslmode and other options"
            return ExtractError("url", words)
        # Not in English: a message with a quoted name is about the user or database; one without, about a busy server.
        if re.search('["«»„“”]', text.partition("failed: ")[2]):
            return ExtractError("password", f"the database refuses {logins}, or has none by the name in {extracts.url}")
        return RetryableError(f"the database that {extracts.url} names accepts no logins now; try again")

    def _broken(self, state: str | None) -> Exception:
        table = self.extracts.table
        if state is None or state.startswith(_PASSING):
            return RetryableError("the database closed the connection; its own log says why")
        if state in _NOT_THERE:
            return ExtractError("table", f"the database has no table or view {table} that this user may read")
        return ExtractError("table", f"the database cannot read {table} (SQLSTATE {state}); its own log says why")
