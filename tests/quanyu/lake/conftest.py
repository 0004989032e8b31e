"""Lakes of both committers, and a local Spark server for those that compute on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sales import Desk

from quanyu.engine.spark import SparkEngine
from quanyu.settings import Settings

FORMS = [
    pytest.param(("sail", "deltalake"), id="sail"),
    pytest.param(("spark", "deltalake"), id="spark-deltalake", marks=pytest.mark.spark),
    pytest.param(("spark", "spark"), id="spark", marks=pytest.mark.spark),
]


@pytest.fixture(scope="session")
def spark_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Folder of a local Spark server, which the first session of it starts."""
    home = tmp_path_factory.mktemp("spark")
    yield home / "server"
    SparkEngine(Settings(home=home, conf=home, data=home, landing=home)).stop()


@pytest.fixture
def open_desk(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[str, str], Desk]:
    """Open a lake by an engine and a committer, each call as another client; the lake is the same for all calls."""

    def opened(engine: str, committer: str = "deltalake") -> Desk:
        home = tmp_path / "home"
        if engine == "spark" and not (home / "server").exists():
            server = request.getfixturevalue("spark_server")
            server.mkdir(parents=True, exist_ok=True)
            home.mkdir(exist_ok=True)
            (home / "server").symlink_to(server)
        return Desk(home, engine, committer)

    return opened


@pytest.fixture(params=FORMS)
def form(request: pytest.FixtureRequest) -> tuple[str, str]:
    """An engine, and who commits."""
    return request.param


@pytest.fixture
def desk(form: tuple[str, str], open_desk: Callable[[str, str], Desk]) -> Desk:
    """A lake in one of its forms, with its tables prepared."""
    made = open_desk(*form)
    made.prepare()
    return made
