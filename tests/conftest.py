"""One Spark server for the whole suite, in a home of its own, and a retailer to play with in each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from shop import Retailer, leave, server_folder
from specification.engines import pytest_addoption, spec_session, specified

__all__ = ["pytest_addoption", "spec_session", "specified"]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Path]:
    """Folder of the suite's server, which the homes of all tests share; started by the first that needs it.

    Workers of pytest-xdist share it too, since each has a folder of its own beside the others: a second server would
    take the first one's memory and cores.
    """
    base = tmp_path_factory.getbasetemp()
    folder = server_folder(base if worker_id == "master" else base.parent)
    yield folder
    leave(folder)


@pytest.fixture
def retailer(tmp_path: Path, server: Path) -> Iterator[Retailer]:
    """A retailer without any declaration yet."""
    made = Retailer(tmp_path, server)
    yield made
    made.close()
