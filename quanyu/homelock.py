"""The lock of a home: one run at a time works on it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from quanyu.errors import KeeperError, RetryableError
from quanyu.home import check_name
from quanyu.lake.staging import Staging
from quanyu.settings import Settings

TRIAL_BYTES = 1 << 16


@contextlib.contextmanager
def home_lock(settings: Settings, wait_seconds: float = 0) -> Iterator[None]:
    """Hold the home for one run at a time, and note it at its first.

    Raises RetryableError that names the process which holds it, KeeperError where nothing can be written, and
    ConfigError where the home has another name.
    """
    check_writable(settings.home)
    holder = settings.home / "run.holder"
    lock = FileLock(settings.home / "run.lock")
    try:
        lock.acquire(timeout=wait_seconds)
    except Timeout:
        who = holder.read_text() if holder.exists() else "another process"
        raise RetryableError(
            f"the home {settings.home} is in use by {who}; wait for it, or give --wait SECONDS"
        ) from None
    try:
        Staging(settings.lake).clear_dead()
        check_name(settings)
        holder.write_text(f"process {os.getpid()} since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC")
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def check_writable(folder: Path) -> None:
    """Write a little into a folder, made where it is missing, and remove it. Raises KeeperError with the reason."""
    trial = folder / f".trial.{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        trial.write_bytes(bytes(TRIAL_BYTES))
    except OSError as error:
        raise KeeperError(f"{folder} cannot be written: {error.strerror}") from None
    finally:
        with contextlib.suppress(OSError):
            trial.unlink(missing_ok=True)
