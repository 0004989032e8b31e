"""What processes use together while something runs."""

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
    """The most memory that this process and others held together, in bytes, looked at five times a second."""

    def __init__(self, others: Callable[[psutil.Process], Sequence[psutil.Process]] = children) -> None:
        self.bytes, self._others, self._done = 0, others, threading.Event()

    def _look(self) -> None:
        own = psutil.Process()
        while not self._done.wait(0.2):
            total = 0
            # Processes end while they are counted.
            with suppress(psutil.Error):
                for process in [own, *self._others(own)]:
                    with suppress(psutil.Error):
                        total += process.memory_info().rss
            self.bytes = max(self.bytes, total)

    def __enter__(self) -> Peak:
        threading.Thread(target=self._look, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
