"""Spark Connect sessions, opened and closed without waiting for a server that is gone."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from quanyu.settings import Settings

T = TypeVar("T")
CLOSE_SECONDS = 5.0


def open_session(url: str) -> SparkSession:
    """Open a session of its own at an address (`sc://HOST:PORT`), with few retries.

    A server of this machine that does not answer is dead; the default would wait for it for ten minutes.
    """
    from pyspark.sql import SparkSession
    from pyspark.sql.connect.client.retries import DefaultPolicy

    session = SparkSession.builder.remote(url).create()
    session.client.set_retry_policies([DefaultPolicy(max_retries=3, max_backoff=1000)])
    return session


def configure(session: SparkSession, settings: Settings) -> SparkSession:
    """Set what every session of a home has in common: the retailer's zone, and errors for bad values."""
    session.conf.set("spark.sql.session.timeZone", settings.zone)
    session.conf.set("spark.sql.ansi.enabled", "true")
    # A cluster's own form of 96 bits has no zone, and Sail does not read it.
    session.conf.set("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS")
    session.conf.set("spark.sql.shuffle.partitions", str(settings.spark.shuffle_partitions))
    return session


def close_session(session: SparkSession) -> None:
    """Close a session, whose server may be gone, for no longer than a few seconds."""
    within(CLOSE_SECONDS, session.stop)
    drop_session(session)


def drop_session(session: Any) -> None:
    """Let go of a session without a word to its server: one that is dead, or another process's."""
    from pyspark.sql.connect.session import SparkSession as ConnectSession

    # Its destructor would close the channel once more, at the end of the process, where gRPC waits for ever.
    session.client.close = lambda: None
    # Functions such as udf() ask the session that was opened first in this thread, or at all.
    if ConnectSession._default_session is session:
        ConnectSession._default_session = None
    if getattr(ConnectSession._active_session, "session", None) is session:
        ConnectSession._active_session.session = None


def within(seconds: float, call: Callable[[], T]) -> T | None:
    """Return what the call returns, or None when it fails or takes longer; a late call is left to die by itself."""
    results: list[T] = []

    def run() -> None:
        with contextlib.suppress(Exception):
            results.append(call())

    worker = threading.Thread(target=run, daemon=True)
    worker.start()
    worker.join(seconds)
    return results[0] if results else None
