"""Members come and go through many faults; whoever repeats a failed call ends with the set that was wanted."""

import random

import pytest
from platforms.contract import batch, connected, hashed
from platforms.google_server import GoogleServer
from platforms.meta_server import MetaServer
from platforms.server import BROKEN, LOST, RATE, PlatformServer
from platforms.tiktok_server import TiktokServer

from jobs.exports import http
from jobs.exports.platforms.google import Google
from jobs.exports.platforms.meta import Meta
from jobs.exports.platforms.tiktok import Tiktok
from quanyu.errors import RetryableError


def insist(call, *arguments):
    """The answer of a call that is repeated as long as it may succeed later."""
    for _ in range(200):
        try:
            return call(*arguments)
        except RetryableError:
            continue
    raise AssertionError("no answer in 200 attempts")


@pytest.mark.parametrize("kind", [(Meta, MetaServer), (Google, GoogleServer), (Tiktok, TiktokServer)])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_set_is_the_one_that_was_wanted(monkeypatch, kind, seed):
    monkeypatch.setattr(http, "FIRST_WAIT", 0)
    rng, people = random.Random(seed), hashed(*range(60))
    with kind[1](**({"least": 0} if kind[1] is not GoogleServer else {})) as server:
        assert isinstance(server, PlatformServer)
        server.faults(random.Random(seed + 100), 0.4, (RATE, BROKEN, LOST))
        platform = connected(kind[0], server, monkeypatch, server.account)
        audience, wanted = insist(platform.open_audience, "churn", ""), set()
        for _ in range(12):
            some = sorted(rng.sample(people, 15))
            call = rng.choice([platform.add, platform.remove])
            receipt = insist(call, audience, batch(some, "email"))
            while receipt.state == "pending":
                receipt = insist(platform.poll, audience, receipt.handle)
            wanted = wanted | set(some) if call == platform.add else wanted - set(some)
            assert (receipt.state, list(receipt.rejected), receipt.invalid) == ("done", [], 0)
            assert server.members(audience) == wanted
        assert len(server.sets) == 1 and len(server.calls) > 15
