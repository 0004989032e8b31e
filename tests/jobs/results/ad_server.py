"""An advertising platform of the tests: a server on loopback, and the platform's file that calls it by HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from jobs.exports.hashing import IdFormat
from jobs.exports.platform import ApiLimits, BatchReceipt, CampaignDay, Conversion, OnlinePlatform

TOKEN = "s3cret"
ACCOUNT = """
describes: Our account.
owner: growth
platform: kiosk
account: "77"
token: env:KIOSK_TOKEN
url: {url}
results: true
conversions: true
"""


class Kiosk(OnlinePlatform):
    """Platform with results by day, and with conversions."""

    name = "kiosk"
    forms = {"phone": IdFormat("e164_digits"), "email": IdFormat("lower_trim")}
    limits = ApiLimits(batch=2)
    trailing_days = 3
    passing_reasons = frozenset({"BUSY"})

    def results(self, first: date, last: date) -> Iterator[CampaignDay]:
        """Results of the account's campaigns."""
        path = f"accounts/{self.account.account}/results"
        answer = self.http.call("GET", path, params={"first": str(first), "last": str(last)})
        for row in answer["rows"]:
            numbers = {name: Decimal(row[name]) for name in ("cost", "conversions", "revenue")}
            yield CampaignDay(**{**row, **numbers, "day": date.fromisoformat(row["day"])})

    def convert(self, conversions: Sequence[Conversion]) -> BatchReceipt:
        """Report purchases."""
        rows = [
            {
                "key": one.key, "identifiers": dict(one.identifiers), "at": one.happened_at.isoformat(),
                "amount": str(one.amount), "currency": one.currency,
            }
            for one in conversions
        ]  # fmt: skip
        answer = self.http.call("POST", f"accounts/{self.account.account}/conversions", json={"rows": rows})
        named, reasons = answer["rejected"], _reasons(answer)
        return BatchReceipt(answer["handle"], answer["state"], named, answer["dropped"], reasons=reasons)

    def poll(self, audience_id: str, handle: str) -> BatchReceipt:
        """What became of reported purchases."""
        answer = self.http.call("GET", f"batches/{handle}")
        named, reasons = answer["rejected"], _reasons(answer)
        return BatchReceipt(handle, answer["state"], named, answer["dropped"], reasons=reasons)


def _reasons(answer: Mapping[str, Any]) -> dict[int, str]:
    return dict.fromkeys(answer["rejected"], answer["reason"])


class AdServer(ThreadingHTTPServer):
    """The server. `rows` are what it reports, `failures` the answers that it gives first, by status."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.rows: list[dict[str, Any]] = []
        self.failures: list[int] = []
        self.conversions: list[dict[str, Any]] = []
        self.rejected: set[str] = set()
        self.state, self.polled, self.batches = "done", "done", 0
        self.reason, self.wrong = "BAD_CURRENCY", dict[str, list[int]]()
        # Purchases of each batch that it refuses and does not name; handles that it has forgotten.
        self.dropped, self.forgotten = 0, set[str]()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_port}"


class Answering(BaseHTTPRequestHandler):
    """Answers requests from the state of the server."""

    server: AdServer

    def do_GET(self) -> None:
        """Report results of the days that are asked for, or what became of a batch."""
        if self._failed():
            return
        parts = urlsplit(self.path)
        if parts.path.startswith("/batches/"):
            handle = parts.path.removeprefix("/batches/")
            answer = {"state": self.server.polled, "rejected": self.server.wrong.get(handle, [])}
            more = {"reason": self.server.reason, "dropped": self.server.dropped}
            self._answer(404 if handle in self.server.forgotten else 200, {**answer, **more})
            return
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        rows = [row for row in self.server.rows if asked["first"] <= row["day"] <= asked["last"]]
        self._answer(200, {"rows": rows})

    def do_POST(self) -> None:
        """Accept purchases, but for those whose key is to be rejected."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self._failed():
            return
        bad = [n for n, row in enumerate(body["rows"]) if row["key"] in self.server.rejected]
        self.server.conversions += [row for n, row in enumerate(body["rows"]) if n not in bad]
        self.server.batches += 1
        answer = {"handle": f"b{self.server.batches}", "state": self.server.state, "rejected": bad}
        if self.server.state == "pending":
            # Only later it says which of them it refuses.
            self.server.wrong[answer["handle"]] = bad
            answer["rejected"] = []
        dropped = 0 if self.server.state == "pending" else self.server.dropped
        self._answer(200, {**answer, "reason": self.server.reason, "dropped": dropped})

    def _failed(self) -> bool:
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            self._answer(401, {})
            return True
        if self.server.failures:
            self._answer(self.server.failures.pop(0), {})
            return True
        return False

    def _answer(self, status: int, body: Mapping[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *words: object) -> None:
        """Log nothing."""


@contextmanager
def serving() -> Iterator[AdServer]:
    """Run a server until the block ends."""
    server = AdServer()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()
