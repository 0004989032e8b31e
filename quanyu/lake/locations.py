"""Paths of deltalake's tables and files, and paths that it cannot open as a table."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from quanyu.errors import ConfigError

# deltalake converts paths to URLs and back by its own rules, which change or refuse these characters.
_NOT_TAKEN = re.compile("[\x00-\x1f\x7f\ud800-\udfff]|[\\\\\\[\\]^|]|%[0-9A-Fa-f]{2}")


def check_path(folder: Path) -> None:
    """Raise ConfigError if deltalake cannot open tables below a folder."""
    if signs := list(dict.fromkeys(_NOT_TAKEN.findall(str(folder)))):
        raise ConfigError(
            f"no tables can lie below {str(folder)!r}, which has {', '.join(map(repr, signs))}: a path must have no"
            " control character, none of \\ [ ] ^ | and no % before two hexadecimal digits. Choose another folder"
        )


def folder_of(table: Any) -> Path:
    """Folder of an open table, decoded from its URL."""
    return Path(unquote(table.table_uri.removeprefix("file://")))


def data_files(table: Any) -> list[Path]:
    """List the data files of an open table."""
    folder, encoded = folder_of(table), table.table_uri.removeprefix("file://")
    return [folder / uri.removeprefix("file://").removeprefix(encoded) for uri in table.file_uris()]
