"""The database of the store: connections, transactions, and differences of SQLite and Postgres."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.exc import ArgumentError, DatabaseError, InterfaceError, NoSuchModuleError, OperationalError
from sqlalchemy.pool import NullPool
from sqlalchemy.schema import CreateIndex, CreateTable

from quanyu.errors import ConfigError, KeeperError, QuanyuError, RetryableError

metadata = sa.MetaData()

BUSY_SECONDS = 30
COPY_ROWS = 500
SCHEMA_LOCK = 5_127_003  # any fixed number: the advisory lock for creating tables in Postgres


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """An instant in UTC. SQLite stores no offset, so UTC is set when it is read. A naive time is refused."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert to UTC before writing."""
        if value is not None and value.tzinfo is None:
            raise ValueError("a time without an offset cannot be stored")
        return value.astimezone(UTC) if value is not None else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Set UTC on the naive values that SQLite returns."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def now() -> datetime:
    """Return the current time in UTC, to the microsecond."""
    return datetime.now(UTC)


class Database:
    """One SQLite file (default) or Postgres database; connections are opened per transaction, so a fork is harmless."""

    def __init__(self, url: str) -> None:
        parsed = _parse(url)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        self.shown = f"in {parsed.database}" if self.is_sqlite else parsed.render_as_string(hide_password=True)
        if self.is_sqlite and (not parsed.database or parsed.database == ":memory:"):
            raise ConfigError("The store needs a file (sqlite:///path/to/store.db): a database in memory is lost.")
        if self.is_sqlite and parsed.database:
            _make_folder(Path(parsed.database).parent)
        self.engine = _engine(parsed)
        if self.is_sqlite:
            sa.event.listen(self.engine, "connect", _prepare_sqlite)
            sa.event.listen(self.engine, "begin", _begin_sqlite)
            _retry_while_busy(self._use_wal, self.shown)
        self._writer = self.engine.execution_options(writes=True)

    def create(self) -> None:
        """Create missing tables and indexes. Several processes may do so at the same time."""
        with self.write() as connection:
            if not self.is_sqlite:
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(SCHEMA_LOCK)))
            for table in metadata.sorted_tables:
                self._renew(connection, table)
                connection.execute(CreateTable(table, if_not_exists=True))
                for index in table.indexes:
                    connection.execute(CreateIndex(index, if_not_exists=True))

    def _renew(self, connection: Connection, table: sa.Table) -> None:
        """Recreate a table of an older release that lacks columns, with its rows. Its checks change too."""
        inspector = sa.inspect(connection)
        columns = (
            [column["name"] for column in inspector.get_columns(table.name)] if inspector.has_table(table.name) else []
        )
        if not columns or {column.name for column in table.columns} <= set(columns):
            return
        old = sa.Table(f"{table.name}_before", sa.MetaData(), *(sa.Column(name) for name in columns))
        for index in inspector.get_indexes(table.name):
            connection.execute(sa.text(f"drop index if exists {index['name']}"))
        connection.execute(sa.text(f"alter table {table.name} rename to {old.name}"))
        connection.execute(CreateTable(table))
        shared = [name for name in columns if name in table.columns]
        connection.execute(sa.insert(table).from_select(shared, sa.select(*(old.c[name] for name in shared))))
        connection.execute(sa.text(f"drop table {old.name}"))

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One read transaction with a consistent snapshot."""
        with self._translated_errors(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction with SQLite's write lock from its start, so that reading before writing is safe."""
        with self._translated_errors(), self._writer.begin() as connection:
            yield connection

    def insert(self, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
        """Return the dialect's own INSERT, which knows ON CONFLICT."""
        return sqlite.insert(table) if self.is_sqlite else postgresql.insert(table)

    def upsert(self, connection: Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows, or replace every column of rows with the same primary key."""
        if not rows:
            return
        statement = self.insert(table)
        keys = [column.name for column in table.primary_key]
        changed = {name: statement.excluded[name] for name in rows[0] if name not in keys}
        connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed), list(rows))

    def copy_to(self, other: Database) -> None:
        """Copy every row of all tables, in one snapshot, into another database."""
        with self.read() as source, other.write() as target:
            for table in metadata.sorted_tables:
                for rows in source.execute(sa.select(table)).mappings().partitions(COPY_ROWS):
                    other.upsert(target, table, [dict(row) for row in rows])

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def _use_wal(self) -> None:
        raw = self.engine.raw_connection()
        try:
            raw.cursor().execute("PRAGMA journal_mode=WAL")
        finally:
            raw.close()

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        try:
            yield
        except (OperationalError, InterfaceError) as error:
            raise _explained(self.shown, error.orig) from error
        except DatabaseError as error:
            # SQLite uses this very class for a file that is no database.
            if type(error) is DatabaseError:
                raise _explained(self.shown, error.orig) from error
            raise


def _parse(url: str) -> sa.URL:
    try:
        return sa.make_url(url)
    except ArgumentError:
        # The text may contain a password, so it is not repeated.
        raise ConfigError("The store's URL cannot be read; it looks like sqlite:///path/to/store.db.") from None


def _engine(url: sa.URL) -> sa.Engine:
    backend = url.get_backend_name()
    if backend not in ("sqlite", "postgresql"):
        raise ConfigError(f"The store cannot live in {backend!r}; allowed: sqlite, postgresql.")
    try:
        return sa.create_engine(url, poolclass=NullPool)
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise ConfigError(f"The store's driver is missing ({error}); install it, for example psycopg.") from error


def _prepare_sqlite(raw: Any, _record: Any) -> None:
    # Otherwise Python's driver begins deferred transactions, which may fail at their first write.
    raw.isolation_level = None
    for pragma in (f"busy_timeout={BUSY_SECONDS * 1000}", "foreign_keys=ON", "synchronous=FULL"):
        raw.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise KeeperError(f"The store's folder {folder} cannot be made: {error.strerror}") from None


# Parts of messages of SQLite and Postgres for faults that a person has to fix.
_LASTING = (
    "not a database", "malformed", "readonly database", "unable to open database file", "disk is full",
    "disk I/O error", "authentication failed", "does not exist", "permission denied",
)  # fmt: skip


def _explained(shown: str, error: BaseException | None) -> QuanyuError:
    """KeeperError for a lasting fault, RetryableError for a temporary one."""
    if any(words in str(error) for words in _LASTING):
        return KeeperError(f"The store {shown} cannot be used: {error}")
    return RetryableError(f"The store {shown} did not answer: {error}")


def _retry_while_busy(act: Callable[[], None], shown: str) -> None:
    # SQLite does not wait for other connections when it changes the journal mode: it fails at once.
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            return act()
        except Exception as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise _explained(shown, error) from error
            time.sleep(0.05)


def receipt_text(receipt: dict[str, Any]) -> str:
    """Write a receipt with sorted keys, so that equal receipts give equal texts. Days and decimals become text."""
    return json.dumps(receipt, sort_keys=True, ensure_ascii=False, default=_plain)


def read_receipt(text: str) -> dict[str, Any]:
    """Read a receipt that `receipt_text` wrote."""
    receipt: dict[str, Any] = json.loads(text)
    return receipt


def _plain(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"a receipt cannot hold {type(value).__name__}")
