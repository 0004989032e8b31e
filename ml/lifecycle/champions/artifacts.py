"""Where MLflow's files lie: named relative to a home's folder, so that a home can be moved."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

# MLflow's scheme of files that its server keeps: `quanyu up` serves the same folder under it.
SCHEME = "mlflow-artifacts"
REFERENCE = "reference.json"
SQLITE = "sqlite:///"
_PLACE = re.compile(r"(?:file://)?/[^\"']*?/mlruns/")


@contextmanager
def kept_in(folder: Path | None) -> Iterator[None]:
    """Resolve the scheme to a folder of this machine inside the block; with None, leave it to a tracking server."""
    from mlflow.store.artifact import artifact_repository_registry
    from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository

    # The registry for plugins, which MLflow gives no public name.
    repositories = artifact_repository_registry._artifact_repository_registry
    earlier = repositories.get_registered_artifact_repositories()[SCHEME]

    def local(artifact_uri: str, tracking_uri: str | None = None, registry_uri: str | None = None) -> Any:
        return LocalArtifactRepository(str(_path(folder, artifact_uri)) if folder else artifact_uri)

    if folder is not None:
        repositories.register(SCHEME, local)
    try:
        yield
    finally:
        repositories.register(SCHEME, earlier)


def _path(folder: Path, address: str) -> Path:
    return folder / address.removeprefix(f"{SCHEME}:").lstrip("/")


def forget_places(database: str) -> None:
    """Name files that lie in a home's folder `mlruns` relative to it, in an SQLite database of an earlier release."""
    if not database.startswith(SQLITE):
        return
    with closing(sqlite3.connect(database.removeprefix(SQLITE))) as connection, connection:
        for table, column in _places(connection):
            # The names come from the database's own schema.
            rows = connection.execute(f'select distinct "{column}" from "{table}" where "{column}" like ?',  # noqa: S608
                                      ["%/mlruns/%"]).fetchall()  # fmt: skip
            changes = [(_PLACE.sub(f"{SCHEME}:/", text, count=1), text) for (text,) in rows if _PLACE.match(text)]
            connection.executemany(f'update "{table}" set "{column}" = ? where "{column}" = ?', changes)  # noqa: S608


def _places(connection: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    """Columns that hold places of files, such as `artifact_location`, each with its table."""
    tables = connection.execute("select name from sqlite_master where type = 'table'").fetchall()
    for (table,) in tables:
        for _, column, *_ in connection.execute(f"pragma table_info('{table}')").fetchall():
            if column in ("artifact_location", "artifact_uri", "source", "storage_location"):
                yield table, column
