"""Spark Connect sessions, opened and closed without waiting for a dead server."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from quanyu.config.settings import Settings

T = TypeVar("T")
CLOSE_SECONDS = 5.0


def open_session(url: str) -> SparkSession:
    """Open a new session at an address (`sc://HOST:PORT`), with few retries.

    A local server that does not answer is dead; by default the client would wait ten minutes for it.
    """
    from pyspark.sql import SparkSession
    from pyspark.sql.connect.client.retries import DefaultPolicy

    session = SparkSession.builder.remote(url).create()
    session.client.set_retry_policies([DefaultPolicy(max_retries=3, max_backoff=1000)])
    return session


def configure(session: SparkSession, settings: Settings) -> SparkSession:
    """Set what all sessions of a home share: the retailer's time zone, and ANSI mode (errors for bad values)."""
    session.conf.set("spark.sql.session.timeZone", settings.zone)
    session.conf.set("spark.sql.ansi.enabled", "true")
    # Spark's default, INT96, has no time zone, and Sail does not read it.
    session.conf.set("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS")
    session.conf.set("spark.sql.shuffle.partitions", str(settings.spark.shuffle_partitions))
    return session


def close_session(session: SparkSession) -> None:
    """Close a session within a few seconds, even if its server is dead."""
    within(CLOSE_SECONDS, session.stop)
    drop_session(session)


def drop_session(session: Any) -> None:
    """Drop a session without contacting its server, which is dead or belongs to another process."""
    from pyspark.sql.connect.session import SparkSession as ConnectSession

    # Its destructor would close the channel again at the end of the process, where gRPC hangs.
    session.client.close = lambda: None
    # Functions such as udf() use the active session of the thread, or the default one.
    if ConnectSession._default_session is session:
        ConnectSession._default_session = None
    if getattr(ConnectSession._active_session, "session", None) is session:
        ConnectSession._active_session.session = None


def within(seconds: float, call: Callable[[], T]) -> T | None:
    """Return the result of the call; None if it fails or takes longer. A late call goes on in its thread."""
    results: list[T] = []

    def run() -> None:
        with contextlib.suppress(Exception):
            results.append(call())

    worker = threading.Thread(target=run, daemon=True)
    worker.start()
    worker.join(seconds)
    return results[0] if results else None
