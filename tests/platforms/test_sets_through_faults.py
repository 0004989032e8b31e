"""Sets on platforms after days of adds and removes with random faults: exactly those of the last day."""

from functools import partial
from random import Random

import pyarrow as pa
import pytest
from platforms.ocean_engine import OceanEngineServer
from platforms.tencent import TencentServer

from jobs.exports import http
from jobs.exports.platform import Batch
from jobs.exports.platforms.ocean_engine import OceanEngine
from jobs.exports.platforms.tencent import Tencent
from quanyu.errors import RetryableError
from quanyu.grammar.platforms.account import Account

PEOPLE = [f"{n:064x}" for n in range(40)]


def until_done(rng, connect, call):
    """What a call returns in the end; a failed one is asked again, now and then by a process that knows nothing."""
    platform = connect()
    for _ in range(200):
        try:
            return call(platform)
        except RetryableError:
            platform = connect() if rng.random() < 0.2 else platform
    raise AssertionError("never done")


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(("platform", "server_of"), [(Tencent, TencentServer), (OceanEngine, OceanEngineServer)])
def test_the_set_is_that_of_the_last_day(monkeypatch, platform, server_of, seed):
    monkeypatch.setattr(http, "FIRST_WAIT", 0)
    monkeypatch.setenv("TOKEN", server_of.token)
    rng, members = Random(seed), set()
    with server_of() as server:
        account = Account(
            name="a", file="a.yml", describes="d", owner="o", platform=platform.name, account=server.account,
            token="env:TOKEN", url=server.url,
        )  # fmt: skip
        server.faults(Random(seed + 100), 0.3)
        for _ in range(5):
            today = set(rng.sample(PEOPLE, rng.randrange(1, len(PEOPLE))))
            audience = until_done(rng, lambda: platform.connect(account), lambda it: it.open_audience("winback", "d"))
            for name, values in (("remove", members - today), ("add", today - members)):
                if values:
                    batch = Batch("k", "phone", pa.array(sorted(values)))
                    change(rng, lambda: platform.connect(account), name, audience, batch)
            members = today
            assert server.sets[audience] == members
        assert len(server.sets) == 1 and len(server.calls) > 30


def poll(audience, handle, platform):
    return platform.poll(audience, handle)


def change(rng, connect, name, audience, batch):
    """Send a batch and ask for it until the platform says that it is in force."""
    receipt = until_done(rng, connect, lambda it: getattr(it, name)(audience, batch))
    while receipt.state == "pending":
        receipt = until_done(rng, connect, partial(poll, audience, receipt.handle))
    assert receipt.state == "done"
