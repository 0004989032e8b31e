"""Copies a home as it was before a day, to compute the day again without any effect outside the copy."""

from __future__ import annotations

import contextlib
import shutil
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from quanyu.config.settings import Settings
from quanyu.engine.session import Engine, engine_name
from quanyu.errors import ConfigError, QuanyuError
from quanyu.feeds.source import Source
from quanyu.home.backup import copy_database
from quanyu.lake import Lake
from quanyu.lake.past import copy_tables, days_committed, versions_before
from quanyu.run.runner import Context, Step
from quanyu.store import LandedFile, Store

FOLDER = "verify"


@dataclass(frozen=True)
class Origin:
    """The tables that the copies begin with, by version; none if everything is ingested again."""

    versions: Mapping[str, int]
    words: str


def steps_of(context: Context) -> list[Step]:
    """Steps that write tables, in order, without the stages that reach people."""
    reaching = {step.stage for step in context.steps.values() if step.reaches_people}
    return [step for step in context.steps.values() if step.writes and step.stage not in reaching]


def origin_of(context: Context) -> Origin:
    """Tables of the home before the context's day. Raises ConfigError for a day that was not run here."""
    day, names = context.day, {step.name for step in steps_of(context)}
    days = days_committed(context.lake)
    if day not in days and not any(context.store.unchanged_runs.load(name, day.isoformat()) for name in names):
        last = ", ".join(map(str, days[-5:])) or "none"
        raise ConfigError(
            f"{day} was not run in {context.settings.home}, so there is nothing to verify; the last days run are:"
            f" {last}. Run it first: quanyu run --day {day}"
        )
    versions = versions_before(context.lake, day, names)
    if not versions:
        return Origin({}, f"from empty tables, with everything that had landed up to {day}: it was the first day run")
    return Origin(versions, f"from the {len(versions)} tables as they were before {day} was run")


@contextlib.contextmanager
def copies(context: Context, names: Mapping[str, str]) -> Iterator[tuple[dict[str, Settings], str]]:
    """Copy the home for each name, with the given engine, and remove the copies at the end, even after an error.

    Yields their settings, and a description of what they begin with.
    """
    folder = context.settings.home / FOLDER / uuid.uuid4().hex
    folder.mkdir(parents=True, mode=0o700)
    try:
        homes = {name: of_engine(context.settings, engine, folder / name) for name, engine in names.items()}
        yield homes, _fill(context, list(homes.values()))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            folder.parent.rmdir()


def of_engine(settings: Settings, engine: str, home: Path) -> Settings:
    """Settings for another home and engine, with the store inside the home, and without a remote cluster for Sail."""
    spark = settings.spark if engine == "spark" else settings.spark.model_copy(update={"remote": None})
    return settings.model_copy(update={"home": home, "engine": engine, "spark": spark, "store": ""})


def _fill(context: Context, homes: list[Settings]) -> str:
    """Fill homes with everything that a run reads. Returns a description of it."""
    origin = origin_of(context)
    try:
        for home in homes:
            _copy(context, home, origin.versions)
    except QuanyuError as error:
        for home in homes:
            shutil.rmtree(home.home)
            _copy(context, home, {})
        return f"from empty tables, with everything in landing up to {context.day}, since {error}"
    return origin.words


def copy_home(context: Context, folder: Path) -> Settings:
    """Copy a home in its current state, with its store, to a folder. Returns the settings of the copy."""
    home = of_engine(context.settings, engine_name(context.settings), folder)
    folder.mkdir(parents=True, mode=0o700)
    _copy_files(context, home, {place: context.lake.history(place, 1)[0]["version"] for place in context.lake.places()})
    with Store(home.store_url) as store:
        context.store.copy_to(store)
    return home


def _copy(context: Context, home: Settings, versions: Mapping[str, int]) -> None:
    home.home.mkdir(mode=0o700, exist_ok=True)
    _copy_files(context, home, versions)
    store = Store(home.store_url)
    try:
        lake = Lake(home, Engine(home))
        for source in context.catalogue.sources.values():
            _copy_ledger(context, store, lake, source)
    finally:
        store.close()


def _copy_files(context: Context, home: Settings, versions: Mapping[str, int]) -> None:
    """Copy the key for person hashes, the model registry, and tables at these versions."""
    key = context.settings.home / "person.key"
    if key.exists():
        shutil.copy2(key, home.home / key.name)
    _copy_registry(context.settings.home, home.home)
    copy_tables(context.lake, home.lake, versions)


def _copy_registry(home: Path, copy: Path) -> None:
    """Copy MLflow's database, which names the champions, and the files of models, which it names relative to the home.

    Of an earlier release it still names the files of the home itself.
    """
    if (home / "mlflow.db").exists():
        copy_database(home / "mlflow.db", copy / "mlflow.db")
        if (home / "mlruns").exists():
            shutil.copytree(home / "mlruns", copy / "mlruns", dirs_exist_ok=True)
        for ready in home.glob("mlflow-*.ready"):
            shutil.copyfile(ready, copy / ready.name)


def _copy_ledger(context: Context, store: Store, lake: Lake, source: Source) -> None:
    """Record in the store of the copy which files of a feed were ingested before the day.

    The ledger has only the last check of a file. If a file was checked again since, bronze shows up to which day it had
    been ingested.
    """
    days_by_file = ingested_days(lake, source)
    files = context.store.ledger.files(source.name)
    before = [file for file in files.values() if file.first_seen_on < context.day]
    rechecked = [file for file in files.values() if file.first_seen_on >= context.day and file.path in days_by_file]
    eve = context.day - timedelta(days=1)
    store.ledger.record([*before, *(ledger_row_before(file, days_by_file[file.path], eve) for file in rechecked)])
    days = set().union(*([set(days) for days in days_by_file.values()]))
    volumes = {day: rows for day, rows in context.store.ledger.volumes(source.name).items() if day in days}
    store.ledger.record_volumes(source.name, volumes, eve)


def ingested_days(lake: Lake, source: Source) -> dict[str, list[date]]:
    """Days of a feed that bronze has rows of, by file."""
    if not lake.exists(f"bronze/{source.name}"):
        return {}
    columns = ["_file", "_day"]
    rows = lake.arrow(f"bronze/{source.name}").to_table(columns=columns).group_by(columns).aggregate([])
    days: dict[str, list[date]] = {}
    for row in rows.to_pylist():
        days.setdefault(row["_file"], []).extend([row["_day"]] if row["_day"] else [])
    return days


def ledger_row_before(file: LandedFile, days: list[date], seen_on: date) -> LandedFile:
    """The ledger's row of a file before it was checked again. A file with a day in its path had other content then."""
    values: dict[str, Any] = {"first_seen_on": seen_on, "status": "taken", "reason": None}
    if file.feed_day is not None:
        return LandedFile(**{**vars(file), **values, "sha256": "other bytes", "mtime_ns": 0})
    return LandedFile(**{**vars(file), **values, "taken_through": max(days, default=None)})
