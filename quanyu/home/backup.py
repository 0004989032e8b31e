"""Backup and restore of a home: lake, store, key and registry together, as of one moment."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from quanyu.config.settings import Settings
from quanyu.errors import ConfigError, KeeperError
from quanyu.home import home_name as homes
from quanyu.home.lock import home_lock
from quanyu.home.migration import check_form
from quanyu.lake.locations import check_path
from quanyu.lake.table_state import TableState, loss, newest_versions, read_table_state
from quanyu.run.integrity import ASIDE
from quanyu.run.preflight import check_home
from quanyu.run.runner import Context

MANIFEST = "backup.json"
FORM = 1
# Parts of a home. Landing files belong to their sender, and logs and pages can be created again.
FOLDERS, DATABASES, FILES = ("lake", "mlruns"), ("store.db", "mlflow.db"), ("person.key", "home.json")
NOT_COPIED = ("_staging", ASIDE)


@dataclass(frozen=True)
class Manifest:
    """Content of backup.json: creation time, name of the home, last day run, and id and version of each table."""

    made_at: str
    home: str
    last_day: str
    tables: dict[str, tuple[str, int]]
    store: bool
    form: int = FORM


def back_up(settings: Settings, target: Path, without_store: bool = False, wait_seconds: float = 0) -> Manifest:
    """Copy a home to a new folder that only its owner may read. No run works on the home meanwhile.

    The manifest is written last, then the folder gets its final name. Raises ConfigError for a target that exists or is
    inside the home, and for a store outside of the home unless `without_store`.
    """
    _check_target(settings, target)
    if not (settings.home / "store.db").is_file() and not without_store:
        raise ConfigError(_OUTSIDE)
    with home_lock(settings, wait_seconds), contextlib.closing(Context(settings, datetime.now(UTC).date())) as context:
        _check_tables(context)
        last = context.store.results.newest_day()
        fresh = target.with_name(f"{target.name}.partial")
        shutil.rmtree(fresh, ignore_errors=True)
        _copy_home(settings.home, fresh, with_store=not without_store)
        states = {place: read_table_state(fresh / "lake" / place) for place in newest_versions(fresh / "lake")}
        tables = {place: (state.table_id, state.version) for place, state in states.items() if state}
        made_at = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
        manifest = Manifest(made_at, settings.name, str(last or ""), tables, not without_store)
        (fresh / MANIFEST).write_text(json.dumps(asdict(manifest), indent=1), encoding="utf-8")
        fresh.rename(target)
    return manifest


def _check_tables(context: Context) -> None:
    """A home of an earlier form can be backed up, unless its migration was cut short, which looks like a loss."""
    try:
        check_home(context)
    except KeeperError:
        check_form(context)
        raise


_OUTSIDE = (
    "the store of this home is a database elsewhere, so back it up with its own tools: while no run works on the home,"
    " dump it (pg_dump) and call quanyu backup --without-store; restore both together, or the next run stops"
)


def _check_target(settings: Settings, target: Path) -> None:
    if target.exists():
        raise ConfigError(f"{target} is there already: a backup is a folder of its own, such as {target}/2026-01-31")
    if target.resolve().is_relative_to(settings.home.resolve()):
        raise ConfigError(f"{target} is inside of the home: whatever destroys the home would destroy the backup too")
    check_path(target.resolve())
    if homes.recorded_home(settings) is None:
        raise ConfigError(f"{settings.home} has had no run yet: there is nothing to back up")


def _copy_home(source: Path, target: Path, with_store: bool) -> None:
    try:
        target.mkdir(parents=True, mode=0o700)
        for name in FOLDERS:
            if (source / name).is_dir():
                _copy_folder(source / name, target / name)
        for name in FILES:
            if (source / name).is_file():
                _copy_file(source / name, target / name)
        for name in DATABASES if with_store else DATABASES[1:]:
            if (source / name).is_file():
                copy_database(source / name, target / name)
    except OSError as error:
        raise KeeperError(f"the copy to {target} failed: {error.strerror}; what is there of it is no backup") from None


def _copy_folder(source: Path, target: Path) -> None:
    target.mkdir(mode=0o700)
    for item in sorted(source.iterdir()):
        if item.is_dir() and item.name not in NOT_COPIED:
            _copy_folder(item, target / item.name)
        elif item.is_file() and not item.is_symlink():
            _copy_file(item, target / item.name)


def _copy_file(source: Path, target: Path) -> None:
    target.touch(mode=0o600)
    shutil.copyfile(source, target)


def copy_database(source: Path, target: Path) -> None:
    """Copy with SQLite's backup API, which gives a consistent copy while others write."""
    target.touch(mode=0o600)
    with contextlib.closing(sqlite3.connect(source)) as original, contextlib.closing(sqlite3.connect(target)) as copy:
        original.backup(copy)


def read_manifest(source: Path) -> Manifest:
    """Read the manifest of a backup. Raises ConfigError if the folder is not a backup, or an incomplete one."""
    check_path(source.resolve())
    try:
        manifest = Manifest(**json.loads((source / MANIFEST).read_text(encoding="utf-8")))
    except OSError:
        raise ConfigError(f"{source} is no backup, or one that was not finished: {MANIFEST} is missing") from None
    except (ValueError, TypeError):
        raise ConfigError(f"{source / MANIFEST} cannot be read") from None
    if manifest.form != FORM:
        raise ConfigError(f"{source} was made by another release (form {manifest.form}; this one reads {FORM})")
    for place, (table_id, version) in manifest.tables.items():
        if words := loss(source / "lake" / place, TableState(table_id, version)):
            raise ConfigError(f"{source} is damaged: {place}: {words}; take an earlier backup")
    return manifest


def restore(settings: Settings, source: Path) -> Manifest:
    """Restore a backup into an empty home. The home sends nothing until a person accepts it.

    Raises ConfigError if the folder is not a backup, the home has another name, or the home is not empty.
    """
    manifest = read_manifest(source)
    if manifest.home != settings.name:
        raise ConfigError(f"{source} is of the home {manifest.home!r}, and base.yml says name: {settings.name}")
    if lying := [name for name in (*FOLDERS, *DATABASES, *FILES) if (settings.home / name).exists()]:
        raise ConfigError(f"{settings.home} is not empty ({', '.join(lying)}): give --home a folder that is, or move"
                          " all of its content away")  # fmt: skip
    fresh = settings.home / "restoring"
    shutil.rmtree(fresh, ignore_errors=True)
    _copy_home(source, fresh, with_store=manifest.store)
    note = homes.HomeNote(**json.loads((fresh / "home.json").read_text(encoding="utf-8")))
    relocate(fresh / "mlflow.db", Path(note.path), settings.home.resolve())
    homes.write_home_note(fresh, replace(note, restored=manifest.made_at))
    # home.json is moved first, so that nothing is sent; the lake last, since no run starts without it.
    order = (
        "home.json",
        *sorted(item.name for item in fresh.iterdir() if item.name not in ("home.json", "lake")),
        "lake",
    )
    for name in order:
        (fresh / name).rename(settings.home / name)
    fresh.rmdir()
    return manifest


def relocate(database: Path, old: Path, new: Path) -> None:
    """Replace the path of the old home by the new one in the registry's artifact paths and URLs."""
    if not database.is_file() or old == new:
        return
    places = {"old": f"{old}/", "new": f"{new}/", "old_url": f"{old.as_uri()}/", "new_url": f"{new.as_uri()}/"}
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        for table, column in _texts(connection):
            # The names come from the database's own schema.
            change = f"""update "{table}" set "{column}" = case when instr("{column}", :old_url)
                then replace("{column}", :old_url, :new_url) else replace("{column}", :old, :new) end
                where instr("{column}", :old_url) or instr("{column}", :old)"""  # noqa: S608
            connection.execute(change, places)


def _texts(connection: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    for (table,) in connection.execute("select name from sqlite_master where type = 'table'").fetchall():
        for _, column, kind, *_ in connection.execute(f"pragma table_info('{table}')").fetchall():
            if "CHAR" in kind:
                yield table, column
