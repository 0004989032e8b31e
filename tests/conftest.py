"""Fixtures: a retailer for each test, and a folder shared by all processes of the suite."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from shop import SUITE, Retailer
from specification.engines import pytest_addoption, spec_session, specified

import examples  # noqa: F401 - registers the profile before a command line names it
from quanyu.config.settings import Settings
from quanyu.engine import sail
from quanyu.engine.spark import SparkEngine

__all__ = ["pytest_addoption", "spec_session", "specified"]


def pytest_configure(config: pytest.Config) -> None:
    """Create the folder of this run of the suite, whose name the workers of pytest-xdist inherit."""
    if SUITE not in os.environ:
        os.environ[SUITE] = tempfile.mkdtemp(prefix="quanyu-tests-")
        Path(os.environ[SUITE], "server").mkdir()
        config.add_cleanup(clean_up)


def clean_up() -> None:
    """Stop the Spark server if a test started it, and remove the shared files."""
    folder = Path(os.environ.pop(SUITE))
    SparkEngine(Settings(home=folder, conf=folder, data=folder, landing=folder)).stop()
    shutil.rmtree(folder, ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the slowest tests first, so that two workers end at about the same time."""
    items.sort(key=lambda item: item.path.parent != Path(__file__).parent)


# The embedded engine does not release all memory of a query, and exits beyond 8 GiB.
MOST_ENGINE_BYTES = 3 << 30


@pytest.fixture(scope="module", autouse=True)
def fresh_engine() -> Iterator[None]:
    """Restart a worker's embedded engine between modules if thousands of queries have made it large."""
    yield
    children = [process._child.pid for process in sail._running if process.serves()]
    if any(psutil.Process(pid).memory_info().rss > MOST_ENGINE_BYTES for pid in children):
        sail.stop_sail()


@pytest.fixture(scope="session")
def server() -> Path:
    """Folder of the Spark server that all tests share. The first session starts it."""
    return Path(os.environ[SUITE], "server")


@pytest.fixture
def retailer(tmp_path: Path) -> Iterator[Retailer]:
    """A retailer without any declaration."""
    shop = Retailer(tmp_path)
    yield shop
    shop.close()
