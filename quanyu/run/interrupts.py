"""Ends the process on Ctrl-C or TERM within seconds, even inside library code. Committed data stays."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator

import psutil

from quanyu.config.settings import Settings
from quanyu.home import scratch
from quanyu.servers.processes import session_of

NAMES = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "TERM"}
# A message that is being sent to a mail server is sent first.
PATIENCE_SECONDS = 5.0
_handing_over = threading.RLock()


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Delay the end by a few seconds for work that must not be left half done, such as sending a message."""
    with _handing_over:
        yield


@contextlib.contextmanager
def prompt_end(settings: Settings) -> Iterator[None]:
    """End this process on the first Ctrl-C or TERM, with exit code 130 or 143. Call it in the main thread.

    Python runs handlers in the main thread, which may be busy inside a library, and Airflow sets a handler of its own.
    So a thread reads the signal number from the wakeup pipe, into which Python writes it at once, and ends the process.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    screen = os.dup(2)
    # A shell that starts a process in the background sets Ctrl-C to ignored.
    heard = [number for number in NAMES if signal.getsignal(number) is not signal.SIG_IGN]
    handlers = {number: signal.signal(number, lambda *_: None) for number in heard}
    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(reading, screen, settings), daemon=True).start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        os.close(writing)


def _watch(reading: int, screen: int, settings: Settings) -> None:
    while number := os.read(reading, 1):
        if number[0] in NAMES:
            _end(signal.Signals(number[0]), screen, settings)
    os.close(reading)
    os.close(screen)


def _end(number: signal.Signals, screen: int, settings: Settings) -> None:
    _handing_over.acquire(timeout=PATIENCE_SECONDS)
    for child in _children():
        with contextlib.suppress(psutil.Error):
            child.kill()
    scratch.remove_own()
    (settings.home / "run.holder").unlink(missing_ok=True)
    # Show the cursor again that a progress bar has hidden.
    shown = "\x1b[?25h\r" if os.isatty(screen) else ""
    words = f"{shown}ended by {NAMES[number]}: what was committed stays, and the same command continues from there\n"
    with contextlib.suppress(OSError):
        os.write(screen, words.encode())
    os._exit(128 + number)


def _children() -> list[psutil.Process]:
    """Worker processes of this one. Servers have their own sessions, and the embedded engine ends with this process."""
    own = os.getsid(0)
    with contextlib.suppress(psutil.Error):
        return [child for child in psutil.Process().children(recursive=True) if session_of(child) == own]
    return []
