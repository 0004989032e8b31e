"""The product as its user runs it: child processes on a home, some of which are killed."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

ROOT = Path(__file__).parents[2]
QUANYU = Path(sys.executable).with_name("quanyu")
RUN_SECONDS, LEFT_SECONDS, LOCK_SECONDS = 900, 15.0, 3.0


@dataclass(frozen=True)
class Ended:
    """How a command ended: exit code (negative where it was killed), seconds, processes that outlived it."""

    code: int
    seconds: float
    left: int = 0


class Command:
    """A running command of the product; it can be killed from any thread."""

    def __init__(self, log: Path, conf: Path, home: Path, *words: str) -> None:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "QUANYU_CONF": str(conf), "QUANYU_HOME": str(home)}
        self.began, self.log = time.monotonic(), log
        self._from = log.stat().st_size if log.exists() else 0
        with log.open("ab") as output:
            output.write(f"\n$ quanyu {' '.join(words)}\n".encode())
            self.process = subprocess.Popen(
                [sys.executable, str(QUANYU), *words], cwd=ROOT, env=environment, stdout=output,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    def kill(self) -> None:
        """Kill the process, but not its children."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process.pid, signal.SIGKILL)

    def end(self, kill_after: str | None = None) -> Ended:
        """Wait for the process and its children; kill it at the end of a step if `kill_after` is given."""
        if kill_after is not None:
            self._await(f"\n{kill_after}: ".encode())
            self.kill()
        code = self.process.wait(RUN_SECONDS)
        seconds = time.monotonic() - self.began
        return Ended(code, seconds, self._end_session())

    def _await(self, words: bytes) -> None:
        while self.process.poll() is None:
            with self.log.open("rb") as log:
                log.seek(self._from)
                if words in log.read():
                    return
            time.sleep(0.05)

    def _end_session(self) -> int:
        """Count processes of its session that outlive it for a while, and kill them."""
        deadline = time.monotonic() + LEFT_SECONDS
        while (others := _of_session(self.process.pid)) and time.monotonic() < deadline:
            time.sleep(0.2)
        for other in others:
            with contextlib.suppress(psutil.Error):
                other.kill()
        return len(others)


def _of_session(leader: int) -> list[psutil.Process]:
    processes = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            if process.pid != leader and os.getsid(process.pid) == leader and process.status() != psutil.STATUS_ZOMBIE:
                processes.append(process)
    return processes


@contextlib.contextmanager
def alone(lock: Path | None) -> Iterator[None]:
    """Hold a file's lock, so that heavy work on this machine is serialised; after a while go on without it."""
    if lock is None:
        yield
        return
    with lock.open("a") as file:
        deadline = time.monotonic() + LOCK_SECONDS
        while not _locked(file) and time.monotonic() < deadline:
            time.sleep(0.5)
        yield


def _locked(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
