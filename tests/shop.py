"""A retailer for tests: a conf folder, a landing folder and a home, with methods to change and read them."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from filelock import FileLock

from quanyu.config.settings import Settings, load_settings
from quanyu.discover import Catalogue
from quanyu.errors import ContractError
from quanyu.home.backup import relocate
from quanyu.run.runner import Context, Outcome, Step, perform, results

ROOT = Path(__file__).parents[1]
BASE = """\
zone: Asia/Shanghai
region: CN
currency: CNY
"""


# Columns that differ between two runs: times, and numbers of attempts.
UNSTEADY = {"gold/deliveries": ("at", "revision")}

# Variable with the folder that all processes of the suite share: templates, and the Spark server if a test needs it.
SUITE = "QUANYU_TEST_SUITE"


class Declarations:
    """What a conf folder declares, loaded again when a file or a setting changes: loading takes a tenth of a second."""

    def __init__(self) -> None:
        self._loaded: tuple[Any, Catalogue, dict[str, Step]] | None = None

    def of(self, settings: Settings) -> tuple[Catalogue, dict[str, Step]]:
        """Return the catalogue and the steps of the settings. Raises ConfigError for an invalid declaration."""
        files = {path: path.read_bytes() for path in settings.conf.rglob("*") if path.is_file()}
        if self._loaded is None or self._loaded[0] != (settings, files):
            context = Context(settings, date(2000, 1, 1))
            self._loaded = (settings, files), context.catalogue, context.steps
        return self._loaded[1:]


class RetailerContext(Context):
    """A context with declarations that are loaded already."""

    def __init__(self, settings: Settings, day: date, declarations: Declarations) -> None:
        super().__init__(settings, day)
        self._declarations = declarations

    @cached_property
    def catalogue(self) -> Catalogue:
        """Every declaration of the conf folder."""
        return self._declarations.of(self.settings)[0]

    @cached_property
    def steps(self) -> dict[str, Step]:
        """Every step, in a dictionary that a test may change."""
        return dict(self._declarations.of(self.settings)[1])


class Retailer:
    """A conf folder, a landing folder and a home, with methods to change and read them."""

    def __init__(self, folder: Path, server: Path | None = None) -> None:
        self.conf, self.home = folder / "conf", folder / "home"
        self.home.mkdir(parents=True)
        (self.home / "server").symlink_to(server or Path(os.environ[SUITE], "server"))
        (self.conf / "sources").mkdir(parents=True)
        (self.conf / "base.yml").write_text(BASE)
        self._open: list[Context] = []
        self._declarations = Declarations()

    @classmethod
    def at(cls, folder: Path) -> Retailer:
        """Open the retailer in a folder."""
        retailer = cls.__new__(cls)
        retailer.conf, retailer.home, retailer._open = folder / "conf", folder / "home", []
        retailer._declarations = Declarations()
        return retailer

    def copy(self, folder: Path) -> Retailer:
        """Copy conf and home, allowed to send. Data files of the lake are hard-linked, because nobody changes them."""
        shutil.copytree(self.home.parent, folder, symlinks=True, copy_function=_copied, dirs_exist_ok=True)
        note = folder / "home" / "home.json"
        if note.exists():
            note.write_text(json.dumps({**json.loads(note.read_text()), "path": str((folder / "home").resolve())}))
        registry = folder / "home" / "mlflow.db"
        if registry.exists():
            relocate(registry, self.home, folder / "home")
        return Retailer.at(folder)

    def declare(self, path: str, text: str) -> None:
        """Write a declaration."""
        (self.conf / path).parent.mkdir(parents=True, exist_ok=True)
        (self.conf / path).write_text(text, encoding="utf-8")

    def adopt(self, conf: Path) -> None:
        """Replace all declarations by those of a conf folder, under the tests' own base.yml."""
        shutil.rmtree(self.conf)
        shutil.copytree(conf, self.conf)
        (self.conf / "base.yml").write_text(BASE)

    def land(self, path: str, content: str | bytes) -> Path:
        """Write a file to landing."""
        file = self.home / "landing" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return file

    @property
    def settings(self) -> Settings:
        """Current settings."""
        return load_settings(self.conf, self.home)

    def context(self, day: str) -> Context:
        """A fresh context for a day, as a run has."""
        self._open.append(RetailerContext(self.settings, date.fromisoformat(day), self._declarations))
        return self._open[-1]

    def run(self, day: str, *steps: str, force: bool = False) -> dict[str, Outcome]:
        """Perform steps (all by default) and return their outcomes."""
        context = self.context(day)
        names = steps or tuple(context.steps)
        return {name: perform(context, context.step(name), force).outcome for name in names}

    def ingest(self, source: str, day: str) -> Outcome:
        """Ingest one source."""
        return self.run(day, f"ingest.{source}")[f"ingest.{source}"]

    def breached(self, source: str, day: str) -> Outcome:
        """Ingest a source that breaks its contract but publishes its good rows."""
        context = self.context(day)
        with pytest.raises(ContractError):
            perform(context, context.step(f"ingest.{source}"))
        [result] = results(context)
        assert result.outcome.breaches, result
        return result.outcome

    def table(self, place: str, *columns: str, where: Any = None) -> pa.Table:
        """Rows of a table, read without an engine."""
        return self.context("2000-01-01").lake.rows(place, list(columns) or None, where)

    def rows(self, place: str, *columns: str, where: Any = None) -> list[tuple[Any, ...]]:
        """Rows of a table, sorted, read without an engine."""
        return sorted((tuple(row.values()) for row in self.table(place, *columns, where=where).to_pylist()), key=str)

    def steady(self, place: str) -> list[tuple[Any, ...]]:
        """Rows of a table, sorted, without the columns that differ between two runs of a day."""
        unsteady = UNSTEADY.get(place, ())
        return self.rows(place, *(name for name in self.table(place).column_names if name not in unsteady))

    def versions(self) -> dict[str, int]:
        """Current version of each table."""
        lake = self.context("2000-01-01").lake
        return {place: lake.history(place, 1)[0]["version"] for place in lake.places()}

    def close(self) -> None:
        """Close contexts, but not the server, which other tests use."""
        for context in self._open:
            context.lake.staging.clear()
            if "store" in context.__dict__:
                context.store.close()


def template(name: str, build: Callable[[Path], object]) -> Path:
    """Folder that `build` fills once per run of the suite, in the process that needs it first."""
    folder = Path(os.environ[SUITE], "templates", name)
    folder.parent.mkdir(exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if not folder.with_suffix(".complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            build(folder)
            folder.with_suffix(".complete").touch()
    return folder


def _copied(source: str, target: str) -> None:
    """Copy a file, or hard-link a data file of the lake."""
    if source.endswith(".parquet") and "/lake/" in source:
        os.link(source, target)
    else:
        shutil.copy2(source, target)


def copy_registry(home: Path) -> None:
    """Give a home MLflow's database from a template, because creating its schema takes seconds."""
    prepared = template("registry", _prepare_registry)
    for file in (prepared / "home").iterdir():
        shutil.copy(file, home)
    relocate(home / "mlflow.db", prepared / "home", home)


def _prepare_registry(folder: Path) -> None:
    from ml.lifecycle.steps import prepare

    (folder / "home").mkdir()
    prepare(Settings(home=folder / "home", conf=folder, data=folder, landing=folder))


FEEDS = ["crm", "pos", "shop", "consents", "erp_products"]


def small_shop(folder: Path, server: Path | None = None) -> Retailer:
    """A few feeds of the default conf folder with a small sample: 300 customers over 70 days from 2024-01-01."""
    shop = Retailer.at(template("small_shop", _generate_small_shop)).copy(folder)
    if server:
        (shop.home / "server").unlink()
        (shop.home / "server").symlink_to(server)
    return shop


def _generate_small_shop(folder: Path) -> None:
    from sample.generate import generate

    shop = Retailer(folder)
    shop.adopt(ROOT / "conf")
    for path in (shop.conf / "sources").iterdir():
        if path.stem not in FEEDS:
            path.unlink()
    # Master data of the first days of months are enough here.
    products = shop.conf / "sources" / "erp_products.yml"
    products.write_text(products.read_text().replace("freshness: {hours: 48}", "freshness: none"))
    landing = shop.home / "landing"
    generate(landing, 300, date(2024, 1, 1), 70, 3, feeds=FEEDS)
    for path in (landing / "erp_products").iterdir():
        if not path.name.endswith("-01"):
            shutil.rmtree(path)
    (shop.home / "person.key").write_text("a" * 64)
    copy_registry(shop.home)
