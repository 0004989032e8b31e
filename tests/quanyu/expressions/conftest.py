"""The engine of the specifications, in the zone of the sample."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture(scope="module")
def engine(spec_session: Any) -> Any:
    """A session of the chosen engine; with `--engine spark`, the same tests ask Apache Spark."""
    spec_session.conf.set("spark.sql.session.timeZone", "Asia/Shanghai")
    spec_session.conf.set("spark.sql.ansi.enabled", "true")
    return spec_session
