"""Servers that were started for a home: identified by start time and mark, and stopped with all their descendants."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil

from quanyu.engine.server import Server

TERM_SECONDS, KILL_SECONDS = 20.0, 10.0
# Children inherit it, even those that outlive their parents or open their own sessions.
MARK = "QUANYU_SERVICE"


@dataclass(frozen=True)
class Service:
    """A server that was started for a home. `mark` is in the environment of all its processes.

    The port is 0 if it listens on none.
    """

    name: str
    pid: int
    born: float
    port: int
    mark: str

    def process(self) -> psutil.Process | None:
        """Return its first process; None if it has ended."""
        return Server(self.pid, self.born, self.port, "").process()

    @property
    def url(self) -> str:
        """URL for a browser."""
        return f"http://127.0.0.1:{self.port}"


def end(services: Sequence[Service]) -> list[psutil.Process]:
    """Stop these servers with all their descendants, first by TERM, then by KILL. Returns processes that still run."""
    # Searched before and after the parents end, since orphans cannot be found by their parent.
    stop(all_processes(services), "terminate", TERM_SECONDS)
    stop(all_processes(services), "kill", KILL_SECONDS)
    return all_processes(services)


def all_processes(services: Sequence[Service]) -> list[psutil.Process]:
    """List all living processes of these servers, by descent, by session and by mark; never our own.

    None of the three is enough: parents end before their children, children open sessions, and a process that gives
    itself a title, as Airflow's do, writes it over its environment.
    """
    first = [process for service in services if (process := service.process())]
    processes = {*first, *(child for process in first for child in _children(process))}
    marks, sessions = (
        {service.mark for service in services},
        {service.pid for service in services if _owns_session(service)},
    )
    processes |= {p for p in psutil.process_iter() if services and (session_of(p) in sessions or _mark(p) in marks)}
    return [process for process in processes if process.pid != os.getpid() and _is_running(process)]


def _owns_session(service: Service) -> bool:
    """Whether the session id still belongs to the service: its leader lives, or has ended without reuse of the id."""
    with contextlib.suppress(psutil.Error):
        return abs(psutil.Process(service.pid).create_time() - service.born) < 2
    return True


def session_of(process: psutil.Process) -> int | None:
    """Session id of a process; None if it has ended."""
    with contextlib.suppress(OSError):
        return os.getsid(process.pid)
    return None


def _children(process: psutil.Process) -> list[psutil.Process]:
    with contextlib.suppress(psutil.Error):
        return process.children(recursive=True)
    return []


def _mark(process: psutil.Process) -> str | None:
    with contextlib.suppress(psutil.Error, OSError):
        return process.environ().get(MARK)
    return None


def _is_running(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def watchers(folder: Path) -> list[psutil.Process]:
    """Watcher processes of this home's Spark server."""
    command = ["-m", "quanyu.engine.server", str(folder)]
    return [p for p in psutil.process_iter(["cmdline"]) if (p.info["cmdline"] or [])[1:4] == command]


def stop(
    processes: Sequence[psutil.Process], how: Literal["terminate", "kill"], seconds: float
) -> list[psutil.Process]:
    """Signal processes and wait for their end. Returns those that still run."""
    for process in processes:
        with contextlib.suppress(psutil.Error):
            getattr(process, how)()
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    return [process for process in alive if _is_running(process)]
