"""The engine of a home: Sail if it is installed, Apache Spark if the settings say so."""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING, Literal

from quanyu.engine import sail
from quanyu.engine.alias import plain_path
from quanyu.engine.spark import SparkEngine
from quanyu.errors import ConfigError, Problem

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import SparkSession

    from quanyu.config.settings import Settings


class Engine:
    """Provides the session of one home. Creating it starts nothing."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.name = engine_name(settings)

    def session(self) -> SparkSession:
        """Return this process's session; later calls return the same one. Raises RetryableError without an engine."""
        if self.name == "spark":
            return SparkEngine(self.settings).session()
        return sail.running_sail(self.settings).session(self.settings)

    def path(self, folder: Path) -> str:
        """Path under which the engine opens a folder of the lake; on this machine one in plain ASCII.

        Sail reads a path as a URL, and Apache Spark as a glob pattern.
        """
        return str(folder) if self.settings.spark.remote else plain_path(self.settings.lake, folder)

    def release(self) -> None:
        """Close this process's session, and release the server if there is one."""
        if self.name == "spark":
            SparkEngine(self.settings).release()
        else:
            sail.release(self.settings.home)


def engine_name(settings: Settings) -> Literal["sail", "spark"]:
    """Return the engine of the settings: `auto` is Sail if its wheel is installed, else Apache Spark.

    Raises ConfigError if Sail is set but not installed, or set together with an address of Spark.
    """
    file = str(settings.conf / "base.yml")
    if settings.engine == "sail" and settings.spark.remote:
        raise ConfigError(Problem(file, "engine", "engine: sail and spark.remote are both set; leave one out"))
    if settings.engine == "sail" and not sail_version():
        message = "sail: pysail is not installed; where it has no wheel (Linux on ARM, musl) set engine: spark"
        raise ConfigError(Problem(file, "engine", message))
    if settings.engine == "spark" or settings.spark.remote:
        return "spark"
    return "sail" if sail_version() else "spark"


def sail_version() -> str | None:
    """Return the installed version of Sail, or None: there is no wheel for Linux on ARM or for musl."""
    try:
        return metadata.version("pysail")
    except metadata.PackageNotFoundError:
        return None
