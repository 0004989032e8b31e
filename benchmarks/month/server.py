"""The mail server of the month: each day another fault, and a record of every message that it accepted."""

from __future__ import annotations

import socket
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes

from tests.jobs.journeys.failing_server import DROP, ROGUE_DROP, FailingServer

# Commands before a recipient is named.
SESSION = ("HELO", "AUTH", "MAIL")
USUAL = {"HELO": "250-month\r\n250 AUTH PLAIN", "AUTH": "235 welcome"}


@dataclass(frozen=True)
class Fault:
    """A fault of the server: its answers by verb, given to one of `one_of` recipients; `down` accepts no connection."""

    name: str
    answers: Mapping[str, str | float] = field(default_factory=dict)
    one_of: int = 1
    down: bool = False


SOUND = Fault("none")
SLOW_SECONDS = 3.0
FAULTS = (
    Fault("530 at MAIL FROM", {"MAIL": "530 Must issue a STARTTLS command first"}),
    Fault("550 for some", {"RCPT": "550 5.1.1 no such user"}, one_of=4),
    Fault("550 for everybody", {"RCPT": "550 5.7.1 relaying denied"}),
    Fault("450 for some", {"RCPT": "450 4.2.1 greylisted"}, one_of=3),
    Fault("451 for everybody", {"RCPT": "451 4.3.0 try again later"}),
    Fault("421 at RCPT", {"RCPT": "421 4.3.2 closing"}, one_of=3),
    Fault("lost before DATA", {"DATA": DROP}, one_of=3),
    Fault("lost within the content", {"CONTENT": DROP}, one_of=3),
    Fault("lost after the dot, some", {"DOT": ROGUE_DROP}, one_of=3),
    Fault("lost after the dot, all", {"DOT": ROGUE_DROP}),
    Fault("answers too late", {"DOT": SLOW_SECONDS}, one_of=4),
    Fault("552 of the content, some", {"DOT": "552 5.3.4 too big"}, one_of=4),
    Fault("554 of the content, everybody", {"DOT": "554 5.7.1 looks like spam"}),
    Fault("421 after the dot", {"DOT": "421 4.3.2 closing"}, one_of=4),
    Fault("452 at DATA", {"DATA": "452 4.3.1 no space"}),
    Fault("refuses the login", {"AUTH": "535 5.7.8 wrong password"}),
    Fault("refuses the login for now", {"AUTH": "454 4.7.0 try again"}),
    Fault("hangs up at once", {"HELO": DROP}),
    Fault("down", down=True),
)


@dataclass(frozen=True)
class Accepted:
    """A message that the server accepted, and the run."""

    run: int
    message_id: str
    to: str


class MonthServer(FailingServer):
    """A failing server with a fault, that reports each message it accepts before it answers."""

    def __init__(self, port: int, fault: Fault, report: Callable[[str, str], None]) -> None:
        super().__init__({**USUAL, **fault.answers}, port)
        self.fault, self.tell = fault, report

    def take(self, to: str, content: bytes) -> None:
        """Report the message by its Message-ID."""
        super().take(to, content)
        self.tell(str(message_from_bytes(content)["Message-ID"]).strip(), to)

    def _talk(self, connection: socket.socket) -> None:
        # A client that is killed resets the connection.
        with suppress(ConnectionError):
            super()._talk(connection)

    def _planned(self, verb: str, to: str) -> str | float | None:
        spared = verb not in SESSION and zlib.crc32(to.encode()) % self.fault.one_of != 0
        return USUAL.get(verb) if spared else super()._planned(verb, to)


@contextmanager
def serving(port: int, fault: Fault, report: Callable[[str, str], None]) -> Iterator[None]:
    """Run the server with a fault; with `down` it does not listen."""
    if fault.down:
        yield
        return
    server = MonthServer(port, fault, report)
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.listener.shutdown(socket.SHUT_RDWR)
        server.listener.close()
        thread.join(5)


def free_port() -> int:
    """A free port of loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
