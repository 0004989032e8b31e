"""A retailer to play with in each test, and one Spark server for all tests that need one."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from shop import SPARK_SERVER, Retailer

from quanyu.engine.spark import SparkEngine
from quanyu.settings import Settings


def pytest_configure(config: pytest.Config) -> None:
    """Name the folder of the Spark server, which the workers of pytest-xdist inherit: a second one would starve it."""
    if SPARK_SERVER not in os.environ:
        os.environ[SPARK_SERVER] = str(Path(tempfile.mkdtemp(prefix="quanyu-tests-")) / "server")
        Path(os.environ[SPARK_SERVER]).mkdir()
        config.add_cleanup(stop_spark_server)


def stop_spark_server() -> None:
    """Stop the server if a test started it, and remove its folder."""
    home = Path(os.environ.pop(SPARK_SERVER)).parent
    SparkEngine(Settings(home=home, conf=home, data=home, landing=home)).stop()
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def retailer(tmp_path: Path) -> Iterator[Retailer]:
    """A retailer without any declaration yet."""
    made = Retailer(tmp_path)
    yield made
    made.close()
