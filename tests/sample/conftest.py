"""One small retailer for all tests of the sample: 1,200 people over 205 days, and its truth."""

from __future__ import annotations

from datetime import date

import duckdb
import pytest
from shop import template

from sample.generate import generate

START = date(2024, 1, 1)


@pytest.fixture(scope="session")
def house():
    return template("house", lambda folder: generate(folder / "landing", 1200, START, 205, 7))


@pytest.fixture(scope="session")
def query(house):
    """Run SQL over landing and truth: `query("select ... from '{truth}/flaws/*.parquet'")` returns rows."""

    def ask(sql):
        with duckdb.connect() as connection:
            connection.execute("set enable_progress_bar = false")
            return connection.execute(sql.format(truth=house / "truth", landing=house / "landing")).fetchall()

    return ask
