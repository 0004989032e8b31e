"""What each platform in China and each file drop gets for a stored value, computed by the engine."""

import base64
import hashlib

import pytest

from jobs.exports.platforms.damopan import Damopan
from jobs.exports.platforms.databank import Databank
from jobs.exports.platforms.liveramp import LiveRamp
from jobs.exports.platforms.ocean_engine import OceanEngine
from jobs.exports.platforms.tencent import Tencent
from jobs.exports.platforms.trade_desk import TradeDesk


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


def sha1(text):
    return hashlib.sha1(text.encode()).hexdigest()


def sha256_base64(text):
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


IDFA, OAID = "FF1999CD-7177-4937-A474-74937A102630", "1fe9a970-efbb-29e0-0bdd-f5dbbf751ab5"
EXPECTED = [
    # The hashes that Tencent prints.
    (Tencent, "device:idfa", IDFA.lower(), "2c010ed96aef2fc34983e1e7e9176b7e"),
    (Tencent, "device:imei", "A000002C9060F7", "f2d5a650733ca8c27d502b1c08da14e5"),
    (Tencent, "device:oaid", OAID, "83e9158a4fb54c0e1ef0b238639a23ae"),
    (Tencent, "device:oaid", OAID.upper(), md5(OAID.upper())),
    (Tencent, "phone", "+8613800138000", sha256("13800138000")),
    (Tencent, "phone", "+447700900123", None),
    (Tencent, "unionid", "oUn-Ion_1", "oUn-Ion_1"),
    (OceanEngine, "phone", "+8613800138000", sha256("13800138000")),
    (OceanEngine, "device:idfa", IDFA, md5(IDFA.lower())),
    (OceanEngine, "device:oaid", OAID.upper(), md5(OAID)),
    (OceanEngine, "device:oaid", "00000000-0000-0000-0000-000000000000", None),
    (Damopan, "phone", "+8613800138000", sha256("13800138000")),
    (Damopan, "email", "ann@example.cn", md5("ann@example.cn")),
    (Databank, "device:mac", "02:1a:00:00:00:ff", md5("021A000000FF")),
    (Databank, "ouid:taobao", "AAH1xY-", "AAH1xY-"),
    (TradeDesk, "email", "jane.doe+news@gmail.com", sha256_base64("janedoe@gmail.com")),
    (TradeDesk, "email", "jane.doe+news@example.com", sha256_base64("jane.doe+news@example.com")),
    (TradeDesk, "phone", "+12025550123", sha256_base64("+12025550123")),
    (LiveRamp, "phone", "+12025550123", sha1("2025550123")),
    (LiveRamp, "device:idfa", IDFA.lower(), sha1(IDFA)),
    (LiveRamp, "device:gaid", IDFA, sha1(IDFA.lower())),
]


@pytest.fixture(scope="module")
def formed(spec_session):
    """The values in the platforms' forms, in one query."""
    from pyspark.sql import functions as F  # noqa: N812

    frame = spec_session.createDataFrame([(1,)], "n int")
    columns = [
        F.expr(platform.forms[identifier].sql(f"'{value}'")).alias(f"c{n}")
        for n, (platform, identifier, value, _) in enumerate(EXPECTED)
    ]
    return list(frame.select(*columns).collect()[0])


@pytest.mark.parametrize("n", range(len(EXPECTED)), ids=[f"{p.name}-{i}-{v}" for p, i, v, _ in EXPECTED])
def test_a_stored_value_leaves_in_the_platforms_form(formed, n):
    assert formed[n] == EXPECTED[n][3]
