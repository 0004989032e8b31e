"""The engine that computes specifications: the embedded one, or Apache Spark with `--engine spark`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from spark_server import JVM

from quanyu.config.sections import Spark
from quanyu.config.settings import load_settings
from quanyu.discover import load
from quanyu.engine.session import Engine
from specification.computation import Specified

ROOT = Path(__file__).parents[2]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that chooses the engine."""
    text = "engine of the specifications: sail, spark, or the sc:// address of a Spark Connect server"
    parser.addoption("--engine", default=os.environ.get("QUANYU_SPEC_ENGINE", "sail"), help=text)


@pytest.fixture(scope="module")
def spec_session(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A session of the chosen engine: Apache Spark is the suite's shared server, unless an address is given."""
    engine, home = request.config.getoption("--engine"), tmp_path_factory.mktemp("engine")
    settings = load_settings(ROOT / "conf", home)
    if engine.startswith("sc://"):
        settings = settings.model_copy(update={"spark": settings.spark.model_copy(update={"remote": engine})})
    else:
        (home / "server").symlink_to(request.getfixturevalue("server"))
        settings = settings.model_copy(update={"engine": engine, "spark": Spark(conf=JVM)})
    yield Engine(settings).session()
    Engine(settings).release()


@pytest.fixture(scope="module")
def specified(spec_session: Any, tmp_path_factory: pytest.TempPathFactory) -> Specified:
    """The results of the product for the cases of modules, with the declarations of this repository."""
    return Specified(spec_session, load(load_settings(ROOT / "conf", tmp_path_factory.mktemp("specified"))))
