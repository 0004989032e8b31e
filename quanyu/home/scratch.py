"""Temporary folders of one process for data in clear text. A lock shows whether the process still runs."""

from __future__ import annotations

import fcntl
import shutil
import uuid
from pathlib import Path
from typing import IO

_LOCK = ".owner"
_held: dict[Path, IO[bytes]] = {}


def make(root: Path) -> Path:
    """Create a private folder below a root, and hold its lock until it is removed or the process ends."""
    while True:
        folder = root / uuid.uuid4().hex
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.mkdir(mode=0o700)
        lock = _locked(folder)
        if lock is not None and folder.exists():
            _held[folder] = lock
            return folder


def remove(folder: Path) -> None:
    """Remove a folder with its content, and release its lock."""
    shutil.rmtree(folder, ignore_errors=True)
    lock = _held.pop(folder, None)
    if lock is not None:
        lock.close()


def remove_own() -> None:
    """Remove all folders of this process."""
    for folder in list(_held):
        remove(folder)


def remove_dead(root: Path) -> int:
    """Remove the folders below a root whose process has ended. Returns how many."""
    dead = 0
    for folder in root.glob("*"):
        if folder in _held or not folder.is_dir():
            continue
        lock = _locked(folder)
        if lock is not None:
            shutil.rmtree(folder, ignore_errors=True)
            lock.close()
            dead += 1
    return dead


def _locked(folder: Path) -> IO[bytes] | None:
    """The lock of a folder; None if another process holds it."""
    try:
        lock = (folder / _LOCK).open("ab")
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock
