"""A path in plain ASCII for a folder, since engines misread paths with other characters."""

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
    """Path of a folder below a root, in ASCII letters, digits, `_`, `-` and `.`, if need be through a link to the root.

    The link is named by a digest of the root, in a private folder below the temporary folder. It contains no data, so
    it may be removed while no run works. Raises ConfigError if the private folder cannot be used.
    """
    if _PLAIN.fullmatch(str(folder)):
        return str(folder)
    link = _own_folder() / hashlib.sha256(os.fsencode(root)).hexdigest()[:32]
    with contextlib.suppress(FileExistsError):
        link.symlink_to(root)
    return str(link / folder.relative_to(root))


def _own_folder() -> Path:
    """Folder of this user's links. A folder of another user could redirect the engine."""
    base = next(base for base in (tempfile.gettempdir(), "/tmp") if _PLAIN.fullmatch(base))  # noqa: S108
    folder = Path(base) / f"quanyu-{os.getuid()}"
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise ConfigError(f"{folder} is not a folder of yours alone: remove it, or give TMPDIR another folder")
    return folder
