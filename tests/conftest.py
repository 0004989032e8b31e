"""One Spark server for the whole suite, in a home of its own, and a retailer to play with in each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from shop import BASE, Retailer

from quanyu.engine import Engine
from quanyu.settings import load_settings


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Folder of the suite's server, which every test's home shares; started by the first that needs it."""
    home = tmp_path_factory.mktemp("suite")
    (home / "conf").mkdir()
    (home / "conf" / "base.yml").write_text(BASE)
    (home / "server").mkdir()
    yield home / "server"
    Engine(load_settings(home / "conf", home)).stop()


@pytest.fixture
def retailer(tmp_path: Path, server: Path) -> Iterator[Retailer]:
    """A retailer without any declaration yet."""
    made = Retailer(tmp_path, server)
    yield made
    made.close()
