"""The process of a home's Spark server: whether it lives, how it is ended, and who stops it when nobody uses it."""

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
    """A running local Connect server, as its state file tells it."""

    pid: int
    born: float
    port: int
    token: str

    @property
    def url(self) -> str:
        """The address for a client; only the name localhost may carry a token without TLS."""
        return f"sc://localhost:{self.port}/;token={self.token}"

    def process(self) -> psutil.Process | None:
        """Return the process behind the state file, unless it is gone or its id belongs to another one now."""
        try:
            process = psutil.Process(self.pid)
            alive = abs(process.create_time() - self.born) < 2 and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return None
        return process if alive else None


def free_port() -> int:
    """Return a port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listening(port: int) -> bool:
    """Whether somebody listens on a port of loopback."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def end(server: Server) -> None:
    """End the server's whole process group, which it leads since it was started in a session of its own."""
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
    """Tell whether nobody holds the clients' lock, holding it exclusively while the caller acts on that."""
    with (folder / "clients.lock").open("ab") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def watch(folder: Path, idle_seconds: float) -> None:
    """Stop the server of this folder once nobody has held its lock for the idle time; ends with the server."""
    server = Server(**json.loads((folder / "server.json").read_text()))
    while server.process() is not None:
        with alone(folder) as nobody:
            if nobody and time.time() - (folder / "clients.lock").stat().st_mtime >= idle_seconds:
                end(server)
        time.sleep(min(5.0, idle_seconds / 4))


if __name__ == "__main__":
    watch(Path(sys.argv[1]), float(sys.argv[2]))
