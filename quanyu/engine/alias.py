"""The plain name under which an engine opens a folder: of a path with other signs it would make another path."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import stat
import tempfile
from pathlib import Path

from quanyu.errors import ConfigError

_PLAIN = re.compile(r"[A-Za-z0-9_./-]+")


def plain_path(root: Path, folder: Path) -> str:
    """Path of a folder below a root, in ASCII letters, digits, `_`, `-` and `.`: its own, or by a link to the root.

    The link is named by a digest of the root, in a folder of the temporary one that nobody else may enter. It holds
    nothing, so that it may be removed whenever no run works. Raises ConfigError where there is no such folder.
    """
    if _PLAIN.fullmatch(str(folder)):
        return str(folder)
    link = _own_folder() / hashlib.sha256(os.fsencode(root)).hexdigest()[:32]
    with contextlib.suppress(FileExistsError):
        link.symlink_to(root)
    return str(link / folder.relative_to(root))


def _own_folder() -> Path:
    """Folder of this user's links; whoever else had made it could lead the engine elsewhere."""
    base = next(base for base in (tempfile.gettempdir(), "/tmp") if _PLAIN.fullmatch(base))  # noqa: S108
    folder = Path(base) / f"quanyu-{os.getuid()}"
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise ConfigError(f"{folder} is not a folder of yours alone: remove it, or give TMPDIR another folder")
    return folder
