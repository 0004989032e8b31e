"""Folders for what one process holds in clear for a while; what a process that died has left is known by its lock."""

from __future__ import annotations

import fcntl
import shutil
import uuid
from pathlib import Path
from typing import IO

_LOCK = ".owner"
_held: dict[Path, IO[bytes]] = {}


def make(root: Path) -> Path:
    """Make a folder below a root, which only its owner may enter, and hold it until it is removed or we end."""
    while True:
        folder = root / uuid.uuid4().hex
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.mkdir(mode=0o700)
        lock = _locked(folder)
        if lock is not None and folder.exists():
            _held[folder] = lock
            return folder


def remove(folder: Path) -> None:
    """Remove a folder with all that is in it, and let go of it."""
    shutil.rmtree(folder, ignore_errors=True)
    lock = _held.pop(folder, None)
    if lock is not None:
        lock.close()


def remove_own() -> None:
    """Remove all folders that this process holds."""
    for folder in list(_held):
        remove(folder)


def remove_dead(root: Path) -> int:
    """Remove the folders below a root whose process has ended, however it did. Returns how many."""
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
    """The lock of a folder, or None while another process holds it."""
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
