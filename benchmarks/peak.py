"""Memory and CPU of this process and its children while something runs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

import psutil


def children(own: psutil.Process) -> Sequence[psutil.Process]:
    """Every process that a process started, such as the embedded engine."""
    return own.children(recursive=True)


def cpu_seconds() -> float:
    """Seconds of CPU that this process and its children have used so far."""
    own = psutil.Process()
    times = [process.cpu_times() for process in [own, *children(own)]]
    return sum(one.user + one.system for one in times)


class Peak:
    """Peak memory in bytes: of this process, of others such as the engine, and of all together at one moment."""

    def __init__(self, others: Callable[[psutil.Process], Sequence[psutil.Process]] = children) -> None:
        self.own, self.engine, self.bytes, self._done = 0, 0, 0, threading.Event()
        self._others = others

    def gigabytes(self) -> dict[str, float]:
        """The peaks in GB, for a line of figures."""
        peaks = {"peak_gb": self.bytes, "own_gb": self.own, "engine_gb": self.engine}
        return {name: round(size / 2**30, 2) for name, size in peaks.items()}

    def _look(self) -> None:
        process = psutil.Process()
        while not self._done.wait(0.2):
            own, engine = process.memory_info().rss, 0
            # Processes end while they are counted.
            with suppress(psutil.Error):
                for other in self._others(process):
                    with suppress(psutil.Error):
                        engine += other.memory_info().rss
            self.own, self.engine = max(self.own, own), max(self.engine, engine)
            self.bytes = max(self.bytes, own + engine)

    def __enter__(self) -> Peak:
        threading.Thread(target=self._look, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
