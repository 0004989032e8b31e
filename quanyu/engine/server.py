"""The process of a home's Spark server: whether it runs, how it is ended, and the watcher that stops it when idle."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True)
class Server:
    """A running local Connect server, as recorded in its state file."""

    pid: int
    born: float
    port: int
    token: str

    @property
    def url(self) -> str:
        """Address for a client. Only with the name localhost does the client send a token without TLS."""
        return f"sc://localhost:{self.port}/;token={self.token}"

    def process(self) -> psutil.Process | None:
        """Return the process of the state file; None if it has ended or its id was reused."""
        try:
            process = psutil.Process(self.pid)
            alive = abs(process.create_time() - self.born) < 2 and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return None
        return process if alive else None


def free_port() -> int:
    """Return a free loopback port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listening(port: int) -> bool:
    """Whether a program listens on a loopback port."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def end(server: Server) -> None:
    """End the server's process group. The server leads it, since it was started in its own session."""
    process = server.process()
    if process is None:
        return
    for how in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(server.pid, how)
        with contextlib.suppress(psutil.TimeoutExpired):
            process.wait(timeout=10)
            return


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[bool]:
    """Yield whether no client holds the lock. If so, the lock is held exclusively inside the block."""
    with (folder / "clients.lock").open("ab") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def watch(folder: Path, idle_seconds: float) -> None:
    """Stop the server of this folder when no client has held the lock for the idle time. Returns when it has ended."""
    server = Server(**json.loads((folder / "server.json").read_text()))
    while server.process() is not None:
        with alone(folder) as nobody:
            if nobody and time.time() - (folder / "clients.lock").stat().st_mtime >= idle_seconds:
                end(server)
        time.sleep(min(5.0, idle_seconds / 4))


if __name__ == "__main__":
    watch(Path(sys.argv[1]), float(sys.argv[2]))
