"""The engine of the expression tests, in the sample's time zone."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture(scope="module")
def engine(spec_session: Any) -> Any:
    """A session of the chosen engine: Sail, or Apache Spark with `--engine spark`."""
    spec_session.conf.set("spark.sql.session.timeZone", "Asia/Shanghai")
    spec_session.conf.set("spark.sql.ansi.enabled", "true")
    return spec_session
