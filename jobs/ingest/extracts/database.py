"""Interface of a kind of database for extracts, and the parsing of its address."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar, Literal
from urllib.parse import parse_qsl, quote
from zoneinfo import ZoneInfo

from quanyu import imports
from quanyu.config.connections import check_database
from quanyu.config.settings import secret
from quanyu.errors import ConfigError
from quanyu.feeds.extract import Extracts

if TYPE_CHECKING:
    import pyarrow as pa

_HOST = r"(\[[0-9a-fA-F:.]+\]|[\w.-]+)(:\d{1,5})?"
_ADDRESS = re.compile(rf"//(?P<hosts>{_HOST}(,{_HOST})*)/(?P<database>[^/?#@]+)(\?(?P<options>[^#@]*))?")
_LOGIN = {"user", "password", "passwd", "pwd", "sslpassword", "passfile", "username"}


class ExtractError(Exception):
    """The database or its address is not as declared; `key` is the wrong key below `extracts`."""

    def __init__(self, key: str, words: str) -> None:
        super().__init__(words)
        self.key = key


@dataclass(frozen=True)
class DatabaseColumn:
    """One column of a table: its type by the database's name, its kind of time if any, and SQL that selects it."""

    name: str
    type: str
    time: Literal["instant", "naive", "date"] | None
    selected: str


class DatabaseReader(ABC):
    """One kind of database, at one address. Contains secrets.

    Its errors never include the driver's messages, which contain addresses, users, and values of rows.
    """

    kinds: ClassVar[tuple[str, ...]]
    # The driver's options that an address may have, by their native and their JDBC names.
    options: ClassVar[Mapping[str, str]]
    quote: ClassVar[str] = '"'

    def __init__(self, extracts: Extracts, hosts: str, database: str, options: Mapping[str, str]) -> None:
        self.extracts = extracts
        login = ":".join(quote(secret(part), safe="") for part in (extracts.user, extracts.password) if part)
        chosen = "&".join(f"{key}={quote(value, safe='/')}" for key, value in options.items())
        self.url = f"{self.kinds[0]}://{login and login + '@'}{hosts}/{database}{chosen and '?' + chosen}"

    @abstractmethod
    def columns(self) -> dict[str, DatabaseColumn]:
        """Columns of the declared table by name. Raises RefusedError or RetryableError."""

    @abstractmethod
    def read(
        self, query: str, columns: Sequence[DatabaseColumn]
    ) -> AbstractContextManager[tuple[pa.Schema, Iterator[pa.RecordBatch]]]:
        """Run a query that selects these columns, and stream its rows. Raises RefusedError or RetryableError."""

    def quoted(self, name: str) -> str:
        """Quote a name, or the parts of one that has dots."""
        mark = self.quote
        return ".".join(f"{mark}{part.replace(mark, mark * 2)}{mark}" for part in name.split("."))

    def instant(self, at: datetime) -> str:
        """SQL literal of an instant."""
        return f"timestamp with time zone '{at.astimezone(UTC).isoformat(' ')}'"

    def literal(self, column: DatabaseColumn, at: datetime, zone: ZoneInfo) -> str:
        """SQL literal of an instant in a column's type; naive times and days are in `zone`."""
        if column.time == "instant":
            return self.instant(at)
        local = at.astimezone(zone).replace(tzinfo=None)
        return f"date '{local.date()}'" if column.time == "date" else f"timestamp '{local.isoformat(' ')}'"


def database_of(extracts: Extracts, plain_hosts: Collection[str] = ()) -> DatabaseReader:
    """Parse the address that an extract refers to. Hosts that are not in `plain_hosts` require TLS.

    Raises RefusedError, and ConfigError for a secret that is not set.
    """
    url = secret(extracts.url)
    kinds = {kind: database_class for database_class in _databases() for kind in database_class.kinds}
    kind, _, rest = url.removeprefix("jdbc:").partition(":")
    if kind not in kinds:
        allowed = ", ".join(f"{name}:" for name in kinds)
        words = f"what {extracts.url} stands for begins with no known kind; allowed: {allowed} each also after jdbc:"
        raise ExtractError("url", words)
    parts = _ADDRESS.fullmatch(rest)
    options = dict(parse_qsl((parts and parts["options"]) or "", keep_blank_values=True))
    if "@" in url or _LOGIN & {name.lower() for name in options}:
        raise ExtractError("url", f"what {extracts.url} stands for holds a login: give it as `user` and `password`")
    if parts is None:
        words = f"what {extracts.url} stands for cannot be read; it is written as jdbc:{kind}://HOST:PORT/DATABASE"
        raise ExtractError("url", words)
    database_class = kinds[kind]
    chosen = dict(_options(database_class, extracts, options))
    database = database_class(extracts, parts["hosts"], parts["database"], chosen)
    _check_tls(extracts, parts["hosts"], chosen, plain_hosts)
    return database


def _check_tls(extracts: Extracts, hosts: str, options: Mapping[str, str], plain_hosts: Collection[str]) -> None:
    names = [re.sub(r":\d+$", "", host) for host in hosts.split(",")]
    try:
        check_database(names, options.get("sslmode") or options.get("ssl-mode"), plain_hosts)
    except ConfigError:
        words = f"what {extracts.url} stands for is on another machine, and asks for no TLS: add sslmode=require (for"
        raise ExtractError("url", f"{words} MySQL ssl-mode=required), or name the host in plain_hosts") from None


def _databases() -> list[type[DatabaseReader]]:
    return imports.subclasses(imports.modules("jobs.ingest.databases"), DatabaseReader)


def _options(kind: type[DatabaseReader], extracts: Extracts, options: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, value in options.items():
        if name not in kind.options:
            # A mistyped address may have a secret in the place of an option's name.
            option = f"the option {name!r}" if re.fullmatch(r"[A-Za-z_-]{1,40}", name) else "an option"
            allowed = ", ".join(sorted(kind.options))
            words = f"what {extracts.url} stands for has {option}, which cannot be honoured; allowed: {allowed}"
            raise ExtractError("url", words)
        yield kind.options[name], value
