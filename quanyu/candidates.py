"""What lies where files of a feed are looked for: the regular files among it, and why the rest is none."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from quanyu.printable import printable


def candidates(root: Path, pattern: str, names: re.Pattern[str]) -> Iterator[tuple[str, Path, str]]:
    """Give name below the root, path, and why it is not taken (empty where it is) of all that a pattern names.

    Only a regular file is taken whose real path lies below the root, so that a link gives nothing that lies elsewhere.
    """
    real = root.resolve()
    for path in root.glob(pattern):
        name = str(path.relative_to(root))
        if names.fullmatch(name):
            yield name, path, _fault(path, name, real)


def _fault(path: Path, name: str, root: Path) -> str:
    try:
        mode = path.stat().st_mode
        real = path.resolve()
    except FileNotFoundError:
        return "a link to nothing"
    except (OSError, RuntimeError):
        return "a link in a circle, or of a folder that may not be read"
    if printable(name) != name:
        return "a name with hidden characters, or not in UTF-8"
    if not real.is_relative_to(root):
        return "a link out of the folder of landed files"
    if not stat.S_ISREG(mode):
        return "a folder" if stat.S_ISDIR(mode) else "a pipe, a socket or a device"
    return "" if os.access(path, os.R_OK) else "a file that may not be read"
