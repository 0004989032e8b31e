"""A mail server on loopback that fails as a test demands, and counts the messages that it accepted."""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

DROP = "drop"  # closes the connection instead of answering
ROGUE_DROP = "take and drop"  # accepts the message, and closes the connection before it answers


class FailingServer:
    """A correct SMTP server, except where `answers` says otherwise: by verb, or verb and recipient (`RCPT bob@x.org`).

    Verbs: HELO, MAIL, RCPT, DATA, CONTENT (within it) and DOT. An answer is a reply line, DROP, ROGUE_DROP (of DOT), or
    a number of seconds to wait before 250.
    """

    def __init__(self, answers: Mapping[str, str | float], port: int = 0) -> None:
        self.answers = dict(answers)
        self.taken: Counter[str] = Counter()
        self.asked: list[str] = []
        self.listener = socket.create_server(("127.0.0.1", port))
        self.port = self.listener.getsockname()[1]

    def serve(self) -> None:
        """Accept one connection after the other until the listener closes."""
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        to = ""
        with connection, connection.makefile("rb") as lines:
            connection.sendall(b"220 failing\r\n")
            for line in lines:
                verb = line[:4].decode().upper().replace("EHLO", "HELO")
                if verb == "RCPT":
                    to = line.decode().partition("<")[2].partition(">")[0]
                    self.asked.append(to)
                if not self._answer(connection, verb, to, "354 go on" if verb == "DATA" else "250 OK"):
                    return
                if verb == "DATA" and not self._content(connection, lines, to):
                    return

    def _content(self, connection: socket.socket, lines: Iterator[bytes], to: str) -> bool:
        if self._planned("DATA", to) not in (None, "354 go on"):
            return True
        content = []
        for line in lines:
            if self._planned("CONTENT", to) == DROP:
                return False
            if line == b".\r\n":
                break
            content.append(line)
        else:
            # The connection ended before the dot: the message is incomplete and not accepted.
            return False
        planned = self._planned("DOT", to)
        if planned is None or planned == ROGUE_DROP or not isinstance(planned, str):
            self.take(to, b"".join(content))
        return planned != ROGUE_DROP and self._answer(connection, "DOT", to, "250 taken")

    def take(self, to: str, content: bytes) -> None:
        """Count an accepted message before anybody is informed."""
        self.taken[to] += 1

    def _planned(self, verb: str, to: str) -> str | float | None:
        return self.answers.get(f"{verb} {to}", self.answers.get(verb))

    def _answer(self, connection: socket.socket, verb: str, to: str, usual: str) -> bool:
        """Give the planned answer. Returns whether to go on."""
        planned = self._planned(verb, to)
        if planned == DROP:
            return False
        if isinstance(planned, float):
            time.sleep(planned)
        reply = planned if isinstance(planned, str) else usual
        try:
            connection.sendall(f"{reply}\r\n".encode())
        except OSError:
            return False
        return not reply.startswith("421")


@contextmanager
def failing(answers: Mapping[str, str | float]) -> Iterator[FailingServer]:
    """Run a server within a context."""
    server = FailingServer(answers)
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.listener.shutdown(socket.SHUT_RDWR)
        server.listener.close()
        thread.join(5)
