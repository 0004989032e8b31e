"""Every code of an error that a platform's file names, over HTTP: who must act, in the words of its table."""

import pytest
from platforms.contract import connected
from platforms.server import PlatformServer

from jobs.exports import http
from jobs.exports.platforms.google import Google
from jobs.exports.platforms.meta import Meta
from jobs.exports.platforms.ocean_engine import OceanEngine
from jobs.exports.platforms.tencent import Tencent
from jobs.exports.platforms.tiktok import Tiktok
from quanyu.errors import LaterError, RejectedError, RetryableError

SECRET = "13800138000 is wrong"


class Refusing(PlatformServer):
    """Refuses every call in the way that it is told."""

    refused = (200, {})

    def answer(self, asked):
        return self.refused


def by_code(code):
    return 200, {"code": code, "message": SECRET, "data": {}}


def by_meta(code):
    return 400, {"error": {"code": code, "message": SECRET}}


def by_google(code):
    quota = {"metadata": {"quota_limit": "IngestionPerDayPerProject"}}
    state, details = ("RESOURCE_EXHAUSTED", [quota]) if code == "PerDay" else (code, [])
    return 400, {"error": {"status": state, "message": SECRET, "details": details}}


@pytest.mark.parametrize(
    ("platform", "refusal", "unknown"),
    [
        (Tencent, by_code, 18001),
        (OceanEngine, by_code, 40999),
        (Tiktok, by_code, 40999),
        (Meta, by_meta, 100),
        (Google, by_google, "INVALID_ARGUMENT"),
    ],
)
def test_each_code_says_who_must_act_and_quotes_nobody(monkeypatch, platform, refusal, unknown):
    codes = platform.codes
    tables = [(LaterError, codes.later), (RetryableError, codes.soon), (RejectedError, codes.token),
              (RejectedError, codes.act), (RejectedError, {unknown: codes.document})]  # fmt: skip
    if codes.own_faults is not None:
        tables.append((RetryableError, {codes.own_faults + 7: "failed for a moment"}))
    named = [code for _, table in tables for code in table]
    assert len(named) == len({*named}) > 6
    with Refusing() as server:
        door = connected(platform, server, monkeypatch, "1").http
        for kind, table in tables:
            for code, words in table.items():
                server.refused = refusal(code)
                with pytest.raises(kind) as error:
                    door.call("GET", "x", attempts=1)
                text = str(error.value)
                assert type(error.value) is kind and words in text and "138" not in text
                assert code == "PerDay" or str(code) in text
                assert (http.AUTHORISE in text) == (code in codes.token or http.AUTHORISE in words)
