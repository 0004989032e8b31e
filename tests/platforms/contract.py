"""What every platform is held to: its interface and server, accounts on it, batches, and calls that are insisted on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyarrow as pa
import pytest
from platforms.google_server import GoogleServer
from platforms.meta_server import MetaServer
from platforms.ocean_engine import OceanEngineServer
from platforms.server import PlatformServer
from platforms.tencent import TencentServer
from platforms.tiktok_server import TiktokServer

from jobs.exports.platform import Batch, BatchReceipt, OnlinePlatform
from jobs.exports.platforms.google import Google
from jobs.exports.platforms.meta import Meta
from jobs.exports.platforms.ocean_engine import OceanEngine
from jobs.exports.platforms.tencent import Tencent
from jobs.exports.platforms.tiktok import Tiktok
from quanyu.errors import RetryableError
from quanyu.grammar.platforms.account import Account


@dataclass(frozen=True)
class Contract:
    """A platform, a server that answers as it does, and what it can.

    Of two values that it refuses it names `names_refused`, and counts the others; None if it tells of none.
    """

    platform: type[OnlinePlatform]
    server_of: Callable[[], PlatformServer]
    can: frozenset[str]
    names_refused: int | None = None


CHANGES = frozenset({"add", "remove", "results"})
CONTRACTS = {
    contract.platform.name: contract
    for contract in (
        Contract(Meta, partial(MetaServer, least=3), CHANGES | {"replace", "convert"}, names_refused=1),
        Contract(Google, GoogleServer, CHANGES | {"convert"}, names_refused=1),
        Contract(Tiktok, partial(TiktokServer, least=0), CHANGES),
        Contract(Tencent, TencentServer, CHANGES, names_refused=0),
        Contract(OceanEngine, OceanEngineServer, CHANGES),
    )
}


def connected(
    platform: type[OnlinePlatform],
    server: PlatformServer,
    monkeypatch: pytest.MonkeyPatch,
    account: str = "",
    send: Iterable[str] = (),
    declared: Mapping[str, Any] | None = None,
    **options: Any,
) -> Any:
    """The platform's interface for an account on a server, with options and what else is `declared` of it."""
    monkeypatch.setenv("PLATFORM_TOKEN", server.token)
    content = {
        "file": "shop.yml", "describes": "An account.", "owner": "crm", "name": "shop", "platform": platform.name,
        "account": account or server.account, "token": "env:PLATFORM_TOKEN", "url": server.url, "send": tuple(send),
        "options": options, **(declared or {}),
    }  # fmt: skip
    return platform.connect(Account.model_validate(content))


def hashed(*texts: Any) -> list[str]:
    """SHA-256 of each text, sorted."""
    return sorted(hashlib.sha256(str(text).encode()).hexdigest() for text in texts)


def phones(*numbers: int) -> list[str]:
    """SHA-256 of phones by their last digits, sorted."""
    return hashed(*(f"1380013{number:04}" for number in numbers))


def batch(values: Iterable[str], identifier: str = "phone", weights: list[float] | None = None) -> Batch:
    """A batch of sorted values."""
    listed = list(values)
    key = hashlib.sha256("|".join([identifier, *listed]).encode()).hexdigest()
    return Batch(key, identifier, pa.array(listed), None if weights is None else pa.array(weights))


def batch_of(*numbers: int) -> Batch:
    """A batch of phones by their last digits."""
    return batch(phones(*numbers))


def insist(call: Callable[..., Any], *arguments: Any) -> Any:
    """The answer of a call that is repeated as long as it may succeed later."""
    for _ in range(200):
        try:
            return call(*arguments)
        except RetryableError:
            continue
    raise AssertionError("no answer in 200 attempts")


def settled(interface: OnlinePlatform, audience: str, receipt: BatchReceipt) -> BatchReceipt:
    """What became of a batch in the end."""
    for _ in range(9):
        if receipt.state != "pending":
            return receipt
        receipt = insist(interface.poll, audience, receipt.handle)
    raise AssertionError("never settled")
