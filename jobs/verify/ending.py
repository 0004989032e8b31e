"""Cleans up copies of personal data when the process is terminated."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def clean_end() -> Iterator[Callable[[], None]]:
    """Let SIGTERM unwind the process as Ctrl-C does, so that no personal data is left behind.

    Yields a function that exits if a termination was swallowed by a library.
    """
    ended = False

    def end(*_: object) -> None:
        nonlocal ended
        ended = True
        sys.exit(128 + signal.SIGTERM)

    def check_end() -> None:
        if ended:
            end()

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield check_end
    finally:
        signal.signal(signal.SIGTERM, before)
