"""Files that only their owner may read and write, whatever the umask: logs, keys and notes of a home."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import IO


def private_log(path: Path) -> IO[bytes]:
    """Open a log for appending, and remove permissions of other users. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.fchmod(descriptor, 0o600)
    return os.fdopen(descriptor, "ab", buffering=0)


def replace_file(path: Path, text: str, *, durably: bool = False) -> None:
    """Write a file, in place of an existing one. Readers see the old content or the new one.

    `durably`: it is on the disk when this returns, so that it survives a power cut too. Raises OSError.
    """
    fresh = _fresh(path, text, 0o600)
    if durably:
        _sync(fresh)
    fresh.replace(path)
    if durably:
        _sync(path.parent)


def read_or_create(path: Path, text: str, mode: int = 0o600) -> str:
    """Return a file's content, and create it with `text` if it does not exist. Of several processes, one creates it."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = _fresh(path, text, mode)
        with contextlib.suppress(FileExistsError):
            os.link(fresh, path)
        fresh.unlink()
    return path.read_text(encoding="utf-8").strip()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _fresh(path: Path, text: str, mode: int) -> Path:
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    fresh.touch(mode=mode)
    fresh.write_text(text, encoding="utf-8")
    return fresh
