"""What the servers of platforms have in common, asked over HTTP by the exports' own door."""

import random

import pytest
from platforms.contract import batch, connected, hashed
from platforms.google_server import GoogleServer
from platforms.meta_server import MetaServer
from platforms.server import AUTH, BROKEN, LOST, PARTIAL, RATE, PlatformServer
from platforms.tencent import TencentServer

from jobs.exports import http
from jobs.exports.platforms.google import Google
from jobs.exports.platforms.meta import Meta
from jobs.exports.platforms.tencent import Tencent
from quanyu.errors import RejectedError, RetryableError


class Counter(PlatformServer):
    """Counts what it is told to."""

    def __init__(self):
        super().__init__()
        self.done = 0

    def answer(self, asked):
        self.done += 1
        return 200, {"fields": asked.form, "sizes": {name: len(data) for name, data in asked.files.items()}}


@pytest.fixture
def server():
    with Counter() as server:
        yield server


def test_a_file_comes_byte_for_byte_with_its_fields(server):
    door = http.Http("counter", server.url)
    data = bytes(range(256)) + b"\r\n--x\r\n\r\n" * 3
    answer = door.call("POST", "file", data={"name": "ids é"}, files={"file": ("ids.txt", data, "text/plain")})
    assert answer == {"fields": {"name": "ids é"}, "sizes": {"file": len(data)}}
    assert server.calls[0].files["file"] == data


@pytest.mark.parametrize(("kind", "done"), [(RATE, 1), (BROKEN, 1), (LOST, 2)])
def test_a_passing_fault_is_asked_again(server, kind, done):
    server.fail_next(kind)
    http.Http("counter", server.url).call("GET", "x")
    assert (len(server.calls), server.done) == (2, done)


def test_a_refused_token_is_not_asked_again(server):
    server.fail_next(AUTH)
    with pytest.raises(RejectedError, match="valid token"):
        http.Http("counter", server.url).call("GET", "x")
    assert (len(server.calls), server.done) == (1, 0)


def test_the_same_seed_gives_the_same_faults(server):
    def played(seed):
        server.faults(random.Random(seed), 0.6)
        door, ended = http.Http("counter", server.url), []
        for _ in range(20):
            try:
                door.call("GET", "x")
                ended.append(True)
            except RetryableError:
                ended.append(False)
        return ended

    assert played(7) == played(7) and {True, False} == set(played(7))


@pytest.mark.parametrize("kind", [(Meta, MetaServer), (Google, GoogleServer), (Tencent, TencentServer)])
def test_refused_rows_of_a_batch_are_not_taken_and_told(monkeypatch, kind):
    monkeypatch.setattr(http, "FIRST_WAIT", 0)
    people = hashed(*range(8))
    with kind[1]() as server:
        platform = connected(kind[0], server, monkeypatch, server.account)
        audience = platform.open_audience("churn", "")
        for call, there in ((platform.add, 6), (platform.add, 8), (platform.remove, 2)):
            server.fail_next(PARTIAL, 0 if there == 8 else 1)
            receipt = call(audience, batch(people, "phone"))
            while receipt.state == "pending":
                receipt = platform.poll(audience, receipt.handle)
            assert len(receipt.rejected) + receipt.invalid == {8: 0}.get(there, 2)
            assert len(server.members(audience)) == there
        assert [values for _, _, values in server.asked_to_add] == [frozenset(people)] * 2
