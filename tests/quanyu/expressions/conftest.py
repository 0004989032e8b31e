"""A session of the embedded engine, for tests that compute small tables."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(scope="session")
def engine() -> Iterator[Any]:
    """A session in the zone of the sample."""
    os.environ.setdefault("SAIL_RUNTIME__STACK_SIZE", "67108864")
    from pysail.spark import SparkConnectServer
    from pyspark.sql import SparkSession

    server = SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    session = SparkSession.builder.remote(f"sc://localhost:{server.listening_address[1]}").create()
    session.conf.set("spark.sql.session.timeZone", "Asia/Shanghai")
    session.conf.set("spark.sql.ansi.enabled", "true")
    yield session
    session.stop()
    server.stop()
