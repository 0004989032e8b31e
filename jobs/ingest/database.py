"""Which databases a source may be taken from, and what goes wrong with one in words."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from quanyu.engine.guard import guard
from quanyu.errors import ConfigError, Problem, RetryableError
from quanyu.extract import Extracts
from quanyu.run import Context
from quanyu.source import Source


class Database(NamedTuple):
    """What Spark must be told of one kind of database, and the package that brings its driver."""

    driver: str
    package: str


# With a new one, look at how `extract` writes names and times, and at the traces below.
DATABASES = {"postgresql": Database("org.postgresql.Driver", "org.postgresql:postgresql:42.7.8")}


@dataclass(frozen=True)
class Taking:
    """One extract under way: for which day of which source, by which words, and in which zone its days end."""

    context: Context
    source: Source
    extracts: Extracts

    @property
    def zone(self) -> ZoneInfo:
        """The zone of the source's naive times, and of its days."""
        return ZoneInfo(self.source.zone or self.context.settings.zone)

    def wrong(self, key: str, words: str) -> ConfigError:
        """A mistake at one key of the declaration."""
        return ConfigError(Problem(self.source.file, f"extracts.{key}", words))


@contextlib.contextmanager
def in_words(taking: Taking) -> Iterator[None]:
    """Turn what Spark tells of a database into words; its own texts hold addresses, users, and values of rows."""
    from pyspark.errors import PySparkException

    with guard(f"ingest.{taking.source.name}"):
        try:
            yield
        except PySparkException as error:
            raise (_explained(taking, error) or error) from None


def _explained(taking: Taking, error: Any) -> ConfigError | RetryableError | None:
    """Tell by classes and conditions, since databases tell in the language of their country."""
    trace = f"{error}\n{getattr(error, 'getStackTrace', str)() or ''}"
    name, extracts = taking.source.name, taking.extracts
    if "java.lang.ClassNotFoundException" in trace:
        return _without_driver(taking)
    for pattern, words in _PASSING.items():
        if re.search(pattern, trace):
            return RetryableError(f"{name}: {words.format(url=extracts.url)}")
    for pattern, (key, words) in _WRONG.items():
        if re.search(pattern, trace):
            return taking.wrong(key, words.format(**extracts.model_dump()))
    return RetryableError(f"{name}: the database broke off; its own log says why") if "PSQLException" in trace else None


def _without_driver(taking: Taking) -> ConfigError:
    packages = ", ".join(kind.package for kind in DATABASES.values())
    words = f"the Spark server has no driver for the database of {taking.source.name}: add {packages!r} to them"
    settings = str(taking.context.settings.conf / "base.yml")
    return ConfigError(Problem(settings, "spark.packages", f"{words}, and stop the server (quanyu down)"))


# Signs in a trace, and what to tell: what may pass by itself first, then mistakes by the key where they stand.
_PASSING = {
    r"java\.net\.UnknownHostException": "the host that {url} names is not known here; if it is right, try again",
    r"java\.net\.\w+Exception|PSQLException[\s\S]*java\.io\.(IO|EOF)Exception": (
        "the database that {url} names cannot be reached; try again"
    ),
    r"FATAL: .*(too many|remaining connection|starting up|shutting down)": "the database takes no login now; try again",
}
_WRONG = {
    r"ConnectionFactoryImpl\.doAuthentication": (
        "password", "the database refuses the login that {user} and {password} stand for",
    ),
    r"readStartupMessages": ("url", "what {url} stands for names a database that is not there, or not for this user"),
    r"org\.postgresql\.Driver\.connect(?![\s\S]*PgConnection)": (
        "url", "what {url} stands for cannot be read; it is written as jdbc:postgresql://HOST:PORT/DATABASE",
    ),
    r"\[JDBC_EXTERNAL_ENGINE_SYNTAX_ERROR|\[TABLE_OR_VIEW_NOT_FOUND": (
        "table", "the database has no table or view {table} that this user may read",
    ),
    r"UNRECOGNIZED_SQL_TYPE|Bad value for type|ArithmeticException|NUMERIC_VALUE_OUT_OF_RANGE": (
        "table", "{table} has a column or a value that Spark cannot take, such as infinity or NaN: name a view without",
    ),
}  # fmt: skip
