"""Processes that were started for a home and run apart from us: known by birth and by mark, and stopped as a family."""

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
# Children inherit it, those too that outlive their parents and lead sessions of their own.
MARK = "QUANYU_SERVICE"


@dataclass(frozen=True)
class Service:
    """A server that was started for a home; `mark` stands in the environment of all its processes.

    The port is 0 where it listens on none.
    """

    name: str
    pid: int
    born: float
    port: int
    mark: str

    def process(self) -> psutil.Process | None:
        """Return its first process, unless it is gone."""
        return Server(self.pid, self.born, self.port, "").process()

    @property
    def url(self) -> str:
        """Where a browser finds it."""
        return f"http://127.0.0.1:{self.port}"


def end(services: Sequence[Service]) -> list[psutil.Process]:
    """Stop these servers with all their descendants, gently first; returns what is still there."""
    # Found before the parents are gone, and again after: by then some have no parent to find them by.
    stop(family(services), "terminate", TERM_SECONDS)
    stop(family(services), "kill", KILL_SECONDS)
    return family(services)


def family(services: Sequence[Service]) -> list[psutil.Process]:
    """List all living processes of these servers, by descent, by session and by mark; never our own.

    None of the three is enough: parents end before their children, children open sessions, and a process that gives
    itself a title, as Airflow's do, writes it over its environment.
    """
    first = [process for service in services if (process := service.process())]
    processes = {*first, *(child for process in first for child in _children(process))}
    marks, sessions = {service.mark for service in services}, {service.pid for service in services if _leads(service)}
    processes |= {p for p in psutil.process_iter() if services and (_session(p) in sessions or _mark(p) in marks)}
    return [process for process in processes if process.pid != os.getpid() and _lives(process)]


def _leads(service: Service) -> bool:
    """Whether the session of that number is still the service's: its leader lives, or is gone and not replaced."""
    with contextlib.suppress(psutil.Error):
        return abs(psutil.Process(service.pid).create_time() - service.born) < 2
    return True


def _session(process: psutil.Process) -> int | None:
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


def _lives(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def watchers(folder: Path) -> list[psutil.Process]:
    """Processes that watch over the Spark server of this home."""
    command = ["-m", "quanyu.engine.server", str(folder)]
    return [p for p in psutil.process_iter(["cmdline"]) if (p.info["cmdline"] or [])[1:4] == command]


def stop(
    processes: Sequence[psutil.Process], how: Literal["terminate", "kill"], seconds: float
) -> list[psutil.Process]:
    """Signal processes and wait for their end; returns those that live on."""
    for process in processes:
        with contextlib.suppress(psutil.Error):
            getattr(process, how)()
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    return [process for process in alive if _lives(process)]
