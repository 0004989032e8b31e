"""The engine that computes specifications: the embedded one, or Apache Spark with `--engine spark`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from quanyu.discover import load
from quanyu.settings import load_settings
from specification.computation import Specified

ROOT = Path(__file__).parents[2]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that chooses the engine."""
    text = "engine of the specifications: sail, spark, or the sc:// address of a Spark Connect server"
    parser.addoption("--engine", default=os.environ.get("QUANYU_SPEC_ENGINE", "sail"), help=text)


@pytest.fixture(scope="session")
def spec_session(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A session of the chosen engine."""
    engine = request.config.getoption("--engine")
    if engine == "sail":
        yield from _sail()
    elif engine == "spark":
        from quanyu.engine import Engine

        home = request.getfixturevalue("server").parent
        yield Engine(load_settings(ROOT / "conf", home)).session()
    else:
        from pyspark.sql import SparkSession

        yield SparkSession.builder.remote(engine).create()


def _sail() -> Iterator[Any]:
    # Plans of many cases are deep; read by the server when it starts.
    os.environ.setdefault("SAIL_RUNTIME__STACK_SIZE", "67108864")
    from pysail.spark import SparkConnectServer  # type: ignore[import-untyped]
    from pyspark.sql import SparkSession

    server = SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    address = server.listening_address
    session = SparkSession.builder.remote(f"sc://localhost:{address[1]}").create()
    yield session
    session.stop()
    server.stop()


@pytest.fixture(scope="session")
def specified(spec_session: Any, tmp_path_factory: pytest.TempPathFactory) -> Specified:
    """What the product computes for the cases of modules, by the declarations of the house."""
    return Specified(spec_session, load(load_settings(ROOT / "conf", tmp_path_factory.mktemp("specified"))))
