"""Where deltalake says that a table and its files lie, as paths; and which paths it cannot take for a table's."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from quanyu.errors import ConfigError

# deltalake writes a path into a URL and reads it back by rules of its own; of these it makes another path, or none.
_NOT_TAKEN = re.compile("[\x00-\x1f\x7f\ud800-\udfff]|[\\\\\\[\\]^|]|%[0-9A-Fa-f]{2}")


def check_path(folder: Path) -> None:
    """Raise ConfigError where no table can be opened below a folder."""
    if signs := list(dict.fromkeys(_NOT_TAKEN.findall(str(folder)))):
        raise ConfigError(
            f"no tables can lie below {str(folder)!r}, which has {', '.join(map(repr, signs))}: a path must have no"
            " control character, none of \\ [ ] ^ | and no % before two hexadecimal digits. Choose another folder"
        )


def folder_of(table: Any) -> Path:
    """Folder of an open table, whose URL has it in percent encoding."""
    return Path(unquote(table.table_uri.removeprefix("file://")))


def data_files(table: Any) -> list[Path]:
    """List the data files of an open table; below its folder deltalake names them as they are."""
    folder, encoded = folder_of(table), table.table_uri.removeprefix("file://")
    return [folder / uri.removeprefix("file://").removeprefix(encoded) for uri in table.file_uris()]
