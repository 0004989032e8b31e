"""What the tests of all platforms need: an account on a server, and batches of values."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import pyarrow as pa
import pytest
from platforms.server import PlatformServer

from jobs.exports.platform import Batch, OnlinePlatform
from quanyu.grammar.platforms.account import Account


def connected(
    platform: type[OnlinePlatform],
    server: PlatformServer,
    monkeypatch: pytest.MonkeyPatch,
    account: str,
    send: Iterable[str] = (),
    **options: Any,
) -> Any:
    """The platform's interface for an account on a server."""
    monkeypatch.setenv("PLATFORM_TOKEN", server.token)
    content = {
        "file": "shop.yml", "describes": "An account.", "owner": "crm", "name": "shop", "platform": platform.name,
        "account": account, "token": "env:PLATFORM_TOKEN", "url": server.url, "send": tuple(send), "options": options,
    }  # fmt: skip
    return platform.connect(Account.model_validate(content))


def hashed(*texts: Any) -> list[str]:
    """SHA-256 of each text, sorted."""
    return sorted(hashlib.sha256(str(text).encode()).hexdigest() for text in texts)


def batch(values: Iterable[str], identifier: str = "phone", weights: list[float] | None = None) -> Batch:
    """A batch of sorted values."""
    listed = list(values)
    key = hashlib.sha256("|".join([identifier, *listed]).encode()).hexdigest()
    return Batch(key, identifier, pa.array(listed), None if weights is None else pa.array(weights))
