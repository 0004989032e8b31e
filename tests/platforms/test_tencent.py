"""The contract of Tencent Ads, over HTTP with a server of the documented shapes."""

import hashlib
import json
import logging
from datetime import date
from decimal import Decimal

import pyarrow as pa
import pytest
from platforms.server import AUTH, BROKEN, LOST, RATE
from platforms.tencent import BAD_FILE, DAY_LIMIT, TencentServer

from jobs.exports import http
from jobs.exports.hashing import IdFormat
from jobs.exports.platform import Batch
from jobs.exports.platforms.tencent import Tencent
from quanyu.errors import ConfigError, LaterError, RejectedError, RetryableError
from quanyu.grammar.platforms.account import Account


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(http, "FIRST_WAIT", 0)
    monkeypatch.setenv("TENCENT_TOKEN", TencentServer.token)
    with TencentServer() as server:
        yield server


def opened(server, **more):
    base = {"name": "main", "file": "main.yml", "describes": "d", "owner": "o", "platform": "tencent"}
    account = {"account": server.account, "token": "env:TENCENT_TOKEN", "url": server.url, **more}
    return Tencent.connect(Account(**{**base, **account}))


def phones(*numbers):
    return Batch("k", "phone", pa.array(sorted(hashlib.sha256(f"1380013{n:04}".encode()).hexdigest() for n in numbers)))


def settled(platform, audience, receipt, polls=9):
    """What became of a batch, and how often it was asked for."""
    for n in range(polls):
        if receipt.state != "pending":
            return receipt, n
        receipt = platform.poll(audience, receipt.handle)
    raise AssertionError("never settled")


def test_the_set_there_follows_adds_and_removes(server):
    platform = opened(server)
    audience = platform.open_audience("winback", "Lapsed 顾客")
    receipt, asked = settled(platform, audience, platform.add(audience, phones(1, 2, 3)))
    assert (receipt.state, receipt.invalid, asked) == ("done", 0, 2)
    settled(platform, audience, platform.remove(audience, phones(2)))
    assert server.sets[audience] == set(phones(1, 3).values.to_pylist())
    assert [file["user_id_type"] for file in server.files.values()] == ["SHA256_MOBILE_PHONE"] * 2


def test_an_audience_is_created_once_by_our_code(server):
    platform = opened(server)
    server.fail_next(LOST)
    first = platform.open_audience("winback", "d" * 300)
    assert platform.open_audience("winback", "d") == first == opened(server).open_audience("winback", "other")
    long = [platform.open_audience(f"重新激活-{n}-{'x' * 200}", "d") for n in range(2)]
    assert len(server.audiences) == 3 and len({first, *long}) == 3


def test_the_same_values_are_the_same_bytes_and_another_kind_has_another_type(server):
    platform = opened(server, options={"open_app_id": "wx77"})
    audience = platform.open_audience("a", "d")
    platform.add(audience, phones(1, 2))
    platform.add(audience, phones(2, 1))
    platform.add(audience, Batch("k", "openid", pa.array(["oAbC-1", "oAbC_2"])))
    platform.add(audience, Batch("k", "device:idfa", pa.array(["2c010ed96aef2fc34983e1e7e9176b7e"])))
    uploads = [call for call in server.calls if call.files]
    assert uploads[0].files == uploads[1].files
    assert [call.form["user_id_type"] for call in uploads[2:]] == ["WECHAT_OPENID", "HASH_IDFA"]
    assert (uploads[2].form["open_app_id"], "open_app_id" in uploads[3].form) == ("wx77", False)


def test_openids_without_their_app_are_not_sent(server):
    platform = opened(server)
    audience = platform.open_audience("a", "d")
    with pytest.raises(RejectedError, match="open_app_id"):
        platform.add(audience, Batch("k", "openid", pa.array(["o1"])))
    assert not server.files


def test_invalid_lines_are_counted(server):
    platform = opened(server)
    audience = platform.open_audience("a", "d")
    receipt, _ = settled(platform, audience, platform.add(audience, Batch("k", "phone", pa.array(["13800138000"]))))
    assert (receipt.state, receipt.invalid) == ("done", 1)


def test_a_file_that_cannot_be_read_fails_without_a_value_in_its_words(server):
    platform = opened(server)
    audience = platform.open_audience("a", "d")
    server.fail_next(BAD_FILE)
    receipt, _ = settled(platform, audience, platform.add(audience, phones(1)))
    assert (receipt.state, receipt.words) == ("failed", "the file was refused with code 201")
    assert platform.poll(audience, "1").state == "failed"


@pytest.mark.parametrize("fault", [RATE, BROKEN, LOST])
def test_a_passing_fault_is_asked_again_with_another_nonce(server, fault):
    platform = opened(server)
    audience = platform.open_audience("a", "d")
    server.fail_next(fault)
    platform.add(audience, phones(1))
    nonces = [call.params["nonce"] for call in server.calls]
    assert len(set(nonces)) == len(nonces) == 3
    assert server.sets[audience] == set(phones(1).values.to_pylist())


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [(AUTH, RejectedError, "give the account a valid token"), (DAY_LIMIT, LaterError, "too many calls in a day")],
)
def test_what_repeating_does_not_help_is_asked_once(server, fault, error, words):
    platform = opened(server)
    server.fail_next(fault)
    with pytest.raises(error, match=words):
        platform.open_audience("a", "d")
    assert len(server.calls) == 1


def test_the_token_and_words_of_the_platform_are_in_no_error_and_no_log(server, caplog):
    caplog.set_level(logging.INFO)
    platform = opened(server)
    with pytest.raises(RejectedError) as error:
        platform.add("77", phones(1))
    server.fail_next(BROKEN, 9)
    with pytest.raises(RetryableError) as busy:
        platform.open_audience("a", "d")
    words = f"{error.value}{busy.value}{caplog.text}"
    assert server.token not in words and "13800138000" not in words


def test_an_audience_is_usable_once_it_is_read_and_online(server):
    platform = opened(server)
    audience = platform.open_audience("a", "d")
    receipt = platform.add(audience, phones(*range(5)))
    assert platform.status(audience).state == "parsing"
    settled(platform, audience, receipt)
    status = platform.status(audience)
    assert (status.state, status.matched, status.usable, status.words) == ("usable", 5, 5, "")
    for there, expected, words in [
        ({"online_status": "OFFLINE"}, "published", "taken offline"),
        ({"status": "ERROR", "error_code": 101}, "failed", "fewer than 2,000"),
        ({"status": "FROZEN"}, "failed", "thaw it"),
    ]:
        server.audiences[audience] |= there
        status = platform.status(audience)
        assert status.state == expected and words in status.words
    del server.audiences[audience]
    assert platform.status(audience).state == "failed"


def test_a_lookalike_is_made_once_of_a_seed_that_is_large_enough(server):
    platform = opened(server, options={"expand_user_count": 1_500_000}, least=3)
    audience = platform.open_audience("a", "d")
    settled(platform, audience, platform.add(audience, phones(1, 2)))
    assert platform.status(audience).words.startswith("no lookalike: a seed has from 3")
    settled(platform, audience, platform.add(audience, phones(3)))
    words = {platform.status(audience).words for _ in range(2)}
    assert words == {"lookalike 1001"} and len(server.audiences) == 2
    spec = server.audiences["1001"]["audience_spec"]["lookalike_spec"]
    assert spec == {"seed_audience_id": int(audience), "expand_user_count": 1_500_000}


@pytest.mark.parametrize("count", [100_000, 750_000, 200_000_000])
def test_a_lookalike_of_another_size_is_refused_before_anything_is_sent(server, count):
    with pytest.raises(ValueError, match="expand_user_count"):
        opened(server, options={"expand_user_count": count})
    assert not server.calls


def test_an_account_that_is_no_number_is_a_mistake_of_its_file(server):
    with pytest.raises(ConfigError, match=r"platforms/main\.yml: account: tencent has numbers"):
        opened(server, account="shop").open_audience("a", "d")
    assert not server.calls


def test_results_come_in_yuan_over_all_pages_and_ranges(server):
    days = [f"2025-0{month}-{day:02}" for month in (1, 2, 3, 4) for day in range(1, 29)]
    row = {"view_count": 9, "valid_click_count": 2, "conversions_count": 1, "order_amount": 5}
    server.reports = [{**row, "date": day, "adgroup_id": n, "cost": 1_234_56} for day in days for n in (1, 2)]
    platform = opened(server, options={"revenue_field": "order_amount"})
    results = list(platform.results(date(2025, 1, 2), date(2025, 4, 20)))
    assert len(results) == 2 * sum("2025-01-02" <= day <= "2025-04-20" for day in days)
    assert (results[0].campaign, results[0].day, results[0].impressions, results[0].clicks) == (
        "1",
        date(2025, 1, 2),
        9,
        2,
    )
    assert (results[0].cost, results[0].currency, results[0].revenue) == (Decimal("1234.56"), "CNY", Decimal("0.05"))
    spans = {call.params["date_range"] for call in server.calls}
    assert {(json.loads(span)["start_date"], json.loads(span)["end_date"]) for span in spans} == {
        ("2025-01-02", "2025-04-01"), ("2025-04-02", "2025-04-20")
    }  # fmt: skip


def test_it_declares_itself():
    assert Tencent.problems() == []
    assert Tencent.can() == {"add", "remove", "results"}
    assert {name for name, form in Tencent.forms.items() if form.hash == "none"} == {"unionid", "openid", "device:caid"}
    assert Tencent.forms["device:oaid"] == IdFormat("as_given", "md5")
