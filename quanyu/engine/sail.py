"""Sail, the embedded engine: one child process of the process that uses it, on a random loopback port."""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from quanyu.engine.connect import close_session, configure, drop_session, open_session
from quanyu.errors import RetryableError
from quanyu.home import scratch

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from quanyu.config.settings import Settings

START_SECONDS = 60
# A deeply nested expression would overflow the default stack and crash the process.
STACK_BYTES = 64 << 20
# Longer than any pause in which a run does not use the session, such as a training.
SESSION_SECONDS = 24 * 3600


class SailProcess:
    """The child process, and the sessions of this process on it."""

    def __init__(self, settings: Settings) -> None:
        self._owner = os.getpid()
        # Unpacked archives and spilled sorts contain personal data in clear.
        self._scratch = scratch.make(settings.lake / "_staging")
        self._child = subprocess.Popen(
            [sys.executable, "-m", "quanyu.engine.sail_process", *map(str, settings.sail.limits)],
            env={**_environment(settings), "TMPDIR": str(self._scratch)}, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True, close_fds=True,
        )  # fmt: skip
        self._sessions: dict[Path, SparkSession] = {}
        self.port = self._listening_port()

    def _listening_port(self) -> int:
        timer = threading.Timer(START_SECONDS, self._child.kill)
        timer.start()
        try:
            line = self._child.stdout.readline() if self._child.stdout else b""
        finally:
            # Otherwise the end of this process would wait for the timer.
            timer.cancel()
        if not line.strip().isdigit():
            self.stop()
            raise RetryableError("the embedded engine (Sail) did not start; try again, or set `engine: spark`")
        return int(line)

    def serves(self) -> bool:
        """Whether the child runs and belongs to this process. A forked process starts its own."""
        return self._owner == os.getpid() and self._child.poll() is None

    def session(self, settings: Settings) -> SparkSession:
        """Return the session of a home. The first call opens it."""
        if settings.home not in self._sessions:
            self._sessions[settings.home] = configure(open_session(f"sc://localhost:{self.port}"), settings)
        return self._sessions[settings.home]

    def release(self, home: Path) -> None:
        """Close the session of a home; the process goes on for the others."""
        session = self._sessions.pop(home, None)
        if session is not None:
            close_session(session) if self.serves() else drop_session(session)

    def stop(self) -> None:
        """Close every session and end the child, which has nothing to save."""
        for home in list(self._sessions):
            self.release(home)
        if self._owner == os.getpid():
            self._child.kill()
            self._child.wait()
            scratch.remove(self._scratch)


_running: list[SailProcess] = []


def running_sail(settings: Settings) -> SailProcess:
    """Return this process's Sail, and start it if none runs. Raises RetryableError if it does not start."""
    if _running and _running[0].serves():
        return _running[0]
    stop_sail()
    _running.append(SailProcess(settings))
    return _running[0]


@atexit.register
def stop_sail() -> None:
    """Close the sessions and end the child of this process, if it has one."""
    while _running:
        _running.pop().stop()


def release(home: Path) -> None:
    """Close the session that this process has for a home, if any."""
    for process in _running:
        process.release(home)


def _environment(settings: Settings) -> dict[str, str]:
    """Environment of the child: only what it needs, since expressions and functions could read our variables."""
    return {
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if Path(path).exists()),
        "SAIL_MODE": "local",
        "SAIL_RUNTIME__STACK_SIZE": str(STACK_BYTES),
        "SAIL_RUNTIME__MEMORY_POOL__TYPE": "fair",
        "SAIL_RUNTIME__MEMORY_POOL__FAIR__MAX_SIZE": str(settings.sail.pool_bytes),
        "SAIL_EXECUTION__DEFAULT_PARALLELISM": str(settings.sail.cores),
        "SAIL_SPARK__SESSION_TIMEOUT_SECS": str(SESSION_SECONDS),
        "SAIL_TELEMETRY__EXPORT_LOGS": "false",
        # Sail's own string types in the file metadata would prevent filters of other readers.
        "SAIL_PARQUET__SKIP_ARROW_METADATA": "true",
    }
