"""A clean end of what holds copies of personal data."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def clean_end() -> Iterator[Callable[[], None]]:
    """Let whoever ends this process leave no personal data behind: it unwinds as after Ctrl-C.

    Gives a function that ends it again where a library has swallowed the first end.
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
