"""The lock of a home: one run at a time."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from quanyu.config.settings import Settings
from quanyu.errors import KeeperError, RetryableError
from quanyu.home.home_name import check_name
from quanyu.lake.staging import Staging

TRIAL_BYTES = 1 << 16


@contextlib.contextmanager
def home_lock(settings: Settings, wait_seconds: float = 0) -> Iterator[None]:
    """Lock the home for one run at a time. The first run writes home.json.

    Raises RetryableError with the process that holds the lock, KeeperError if nothing can be written, and ConfigError
    if the home has another name.
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
    """Write and remove a small file in a folder, which is created if missing. Raises KeeperError with the reason."""
    trial = folder / f".trial.{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        trial.write_bytes(bytes(TRIAL_BYTES))
    except OSError as error:
        raise KeeperError(f"{folder} cannot be written: {error.strerror}") from None
    finally:
        with contextlib.suppress(OSError):
            trial.unlink(missing_ok=True)
