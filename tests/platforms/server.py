"""A platform on loopback: a real HTTP server that keeps audiences, answers in the platform's shapes, and can fail."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import policy
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from typing import Any, ClassVar, Self
from urllib.parse import parse_qs, parse_qsl, urlsplit

# No fault, to let a call pass before one that fails; and faults that every server can have: too many calls, an error
# before anything was done, an answer that is lost after all was done, and a token that is refused. A subclass may know
# further ones and ask `has_fault` for them.
WELL, RATE, BROKEN, LOST, AUTH = "", "rate", "broken", "lost", "auth"
PASSING = (RATE, BROKEN, LOST)
# Some rows of a batch are refused: each platform says so in its own form, if it has one.
PARTIAL = "partial"


@dataclass
class Asked:
    """One request, read: query and form fields as texts, files as bytes, JSON as it came."""

    method: str
    path: str
    headers: dict[str, str]
    params: dict[str, str]
    json: Any = None
    form: dict[str, str] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)


Answered = tuple[int, Any]


class PlatformServer:
    """What all platforms have in common; a subclass answers. Used as a context manager, served from `url`.

    `sets` are the values really in each audience, by the platform's id. `calls` are all requests in their order, those
    that failed included. `asked_to_add` are the values of every request that adds some, with its time; `refused` are
    those that it did not take when it was last asked to add them, by audience.
    """

    token, refresh_token, secret = "token-of-the-platform", "refresh-token", "secret-of-the-app"
    account = ""
    # Whether a renewal ends the refresh token, and for how many seconds a token lives.
    rotates, lifetime = False, 86_400
    # Faults that `answer` knows how to have, of those that a share of all calls may have.
    inner: ClassVar[tuple[str, ...]] = ()

    def __init__(self) -> None:
        self.sets: dict[str, set[str]] = {}
        self.calls: list[Asked] = []
        self.renewals = 0
        self.asked_to_add: list[tuple[datetime, str, frozenset[str]]] = []
        self.refused: dict[str, set[str]] = {}
        self._stayed: dict[str, set[str]] = {}
        self._next: deque[str] = deque()
        self._plan: tuple[Random, float, Sequence[str]] | None = None
        self._drawn: str | None = None
        self._lock = threading.Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        """Address of the server."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def declaration(self, platform: str, *identifiers: str) -> str:
        """An account of it in the conf folder, which sends these identifiers, or all without any."""
        send = f"send: [{', '.join(identifiers)}]\n" if identifiers else ""
        return (
            f'describes: An account.\nowner: growth\nplatform: {platform}\naccount: "{self.account}"\n'
            f"token: env:PLATFORM_TOKEN\nurl: {self.url}\nleast: 0\n{send}"
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def members(self, audience_id: str) -> set[str]:
        """The values really in an audience, by the id that our interface gave it."""
        return self.sets.get(audience_id, set())

    def fail_next(self, kind: str, times: int = 1) -> None:
        """Let the next calls fail, in order."""
        self._next.extend([kind] * times)

    def recover(self) -> None:
        """Let no call fail any more."""
        self._next.clear()
        self._plan = None

    def faults(self, rng: Random, share: float, kinds: Sequence[str] = PASSING) -> None:
        """Let a share of all calls fail, as the generator draws: the same seed gives the same faults."""
        self._plan = (rng, share, kinds)

    def has_fault(self, kind: str) -> bool:
        """Whether the next call should fail in a way that only the subclass knows; asked once, it is over."""
        if self._drawn == kind:
            self._drawn = None
            return True
        if self._next and self._next[0] == kind:
            self._next.popleft()
            return True
        return False

    def renewed(self, secret: str, refresh_token: str) -> str | None:
        """A new token for a refresh token, the only one that is valid from now on; None if it is refused."""
        if secret != self.secret or refresh_token != self.refresh_token:
            return None
        self.renewals += 1
        self.token = f"token-{self.renewals}"
        self.refresh_token = f"refresh-token-{self.renewals}" if self.rotates else refresh_token
        return self.token

    def taken_of(self, audience: str, values: Collection[str], adds: bool) -> set[str]:
        """Those of the valid values of a batch that it takes: all, but for some while it has a PARTIAL fault.

        A value that is there is no new one that could be refused, and no withdrawal is refused twice running.
        """
        before = (self.sets if adds else self._stayed).get(audience, set())
        listed = sorted(set(values) - before)
        refused = Random(len(self.calls)).sample(listed, -(-len(listed) // 4)) if self.has_fault(PARTIAL) else []
        if adds:
            self.asked_to_add.append((datetime.now(UTC), audience, frozenset(values)))
        last = self.refused if adds else self._stayed
        last[audience] = last.get(audience, set()) - set(values) | set(refused)
        return set(values) - set(refused)

    def answer(self, asked: Asked) -> Answered:
        """Do what is asked; return the status and the JSON of the answer."""
        raise NotImplementedError

    def refusal(self, kind: str) -> Answered:
        """Status and JSON with which the platform tells of a fault."""
        return {RATE: (429, {}), BROKEN: (503, {}), AUTH: (401, {})}[kind]

    def serve(self, asked: Asked) -> Answered | None:
        """Answer one request, or fail; None if the answer is lost on the way."""
        with self._lock:
            self.calls.append(asked)
            kind = self._drawn = self._fault()
            if kind is None or kind in (LOST, *self.inner):
                answered = self.answer(asked)
                return None if kind == LOST else answered
            return self.refusal(kind)

    def _fault(self) -> str | None:
        if self._next and self._next[0] in (WELL, *PASSING, AUTH):
            return self._next.popleft() or None
        if self._plan is not None:
            rng, share, kinds = self._plan
            if rng.random() < share:
                return rng.choice(kinds)
        return None


def _handler(server: PlatformServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answered = server.serve(_read(self.command, self.path, dict(self.headers), body))
            if answered is None:
                self.close_connection = True
                return
            status, content = answered
            data = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_DELETE = do_PUT = do_PATCH = _serve  # noqa: N815 - the names that the library calls

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    return Handler


def _read(method: str, target: str, headers: dict[str, str], body: bytes) -> Asked:
    address = urlsplit(target)
    params = {name: texts[-1] for name, texts in parse_qs(address.query, keep_blank_values=True).items()}
    asked = Asked(method, address.path, {name.lower(): text for name, text in headers.items()}, params)
    content = asked.headers.get("content-type", "")
    if content.startswith("application/json") and body:
        asked.json = json.loads(body)
    elif content.startswith("application/x-www-form-urlencoded"):
        asked.form = dict(parse_qsl(body.decode(), keep_blank_values=True))
    elif content.startswith("multipart/"):
        _read_parts(asked, content, body)
    return asked


def _read_parts(asked: Asked, content: str, body: bytes) -> None:
    head = f"Content-Type: {content}\r\n\r\n".encode()
    for part in BytesParser(policy=policy.HTTP).parsebytes(head + body).iter_parts():
        name = str(part.get_param("name", header="content-disposition"))
        data = part.get_payload(decode=True)
        assert isinstance(data, bytes)
        if part.get_filename() is None:
            asked.form[name] = data.decode()
        else:
            asked.files[name] = data
