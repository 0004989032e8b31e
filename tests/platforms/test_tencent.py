"""The contract of Tencent Ads, over HTTP with a server of the documented shapes."""

import json
from datetime import date
from decimal import Decimal
from functools import partial

import pytest
from platforms.contract import batch, batch_of, connected, phones, settled
from platforms.server import LOST
from platforms.tencent import BAD_FILE, DAY_LIMIT, TencentServer

from jobs.exports.hashing import IdFormat
from jobs.exports.platforms.tencent import Tencent
from quanyu.errors import ConfigError, LaterError, RejectedError


@pytest.fixture
def server():
    with TencentServer() as server:
        yield server


@pytest.fixture
def opened(server, monkeypatch):
    """Opens the interface of an account with options, and what else is declared of it."""
    return partial(connected, Tencent, server, monkeypatch)


def test_the_set_there_follows_adds_and_removes(server, opened):
    platform = opened()
    audience = platform.open_audience("winback", "Lapsed 顾客")
    settled(platform, audience, platform.add(audience, batch_of(1, 2, 3)))
    assert sum(call.path.endswith("files/get") for call in server.calls) == 2
    settled(platform, audience, platform.remove(audience, batch_of(2)))
    assert server.sets[audience] == set(phones(1, 3))
    assert [file["user_id_type"] for file in server.files.values()] == ["SHA256_MOBILE_PHONE"] * 2


def test_an_audience_is_created_once_by_our_code(server, opened):
    platform = opened()
    server.fail_next(LOST)
    first = platform.open_audience("winback", "d" * 300)
    assert platform.open_audience("winback", "d") == first == opened().open_audience("winback", "other")
    long = [platform.open_audience(f"重新激活-{n}-{'x' * 200}", "d") for n in range(2)]
    assert len(server.audiences) == 3 and len({first, *long}) == 3


def test_the_same_values_are_the_same_bytes_and_another_kind_has_another_type(server, opened):
    platform = opened(open_app_id="wx77")
    audience = platform.open_audience("a", "d")
    platform.add(audience, batch_of(1, 2))
    platform.add(audience, batch_of(2, 1))
    platform.add(audience, batch(["oAbC-1", "oAbC_2"], "openid"))
    platform.add(audience, batch(["2c010ed96aef2fc34983e1e7e9176b7e"], "device:idfa"))
    uploads = [call for call in server.calls if call.files]
    assert uploads[0].files == uploads[1].files
    assert [call.form["user_id_type"] for call in uploads[2:]] == ["WECHAT_OPENID", "HASH_IDFA"]
    assert (uploads[2].form["open_app_id"], "open_app_id" in uploads[3].form) == ("wx77", False)


def test_openids_without_their_app_are_not_sent(server, opened):
    platform = opened()
    audience = platform.open_audience("a", "d")
    with pytest.raises(RejectedError, match="open_app_id"):
        platform.add(audience, batch(["o1"], "openid"))
    assert not server.files


def test_a_file_that_cannot_be_read_fails_without_a_value_in_its_words(server, opened):
    platform = opened()
    audience = platform.open_audience("a", "d")
    server.fail_next(BAD_FILE)
    receipt = settled(platform, audience, platform.add(audience, batch_of(1)))
    assert (receipt.state, receipt.words) == ("failed", "the file was refused with code 201")
    assert platform.poll(audience, "1").state == "failed"


def test_a_call_is_asked_again_with_another_nonce(server, opened):
    platform = opened()
    audience = platform.open_audience("a", "d")
    server.fail_next(LOST)
    platform.add(audience, batch_of(1))
    nonces = [call.params["nonce"] for call in server.calls]
    assert len(set(nonces)) == len(nonces) == 3
    assert server.sets[audience] == set(phones(1))


def test_a_limit_of_the_day_is_not_asked_again(server, opened):
    platform = opened()
    server.fail_next(DAY_LIMIT)
    with pytest.raises(LaterError, match="too many calls in a day"):
        platform.open_audience("a", "d")
    assert len(server.calls) == 1


def test_an_audience_is_usable_once_it_is_read_and_online(server, opened):
    platform = opened()
    audience = platform.open_audience("a", "d")
    receipt = platform.add(audience, batch_of(*range(5)))
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


def test_a_lookalike_is_made_once_of_a_seed_that_is_large_enough(server, opened):
    platform = opened(expand_user_count=1_500_000, declared={"least": 3})
    audience = platform.open_audience("a", "d")
    settled(platform, audience, platform.add(audience, batch_of(1, 2)))
    assert platform.status(audience).words.startswith("no lookalike: a seed has from 3")
    settled(platform, audience, platform.add(audience, batch_of(3)))
    words = {platform.status(audience).words for _ in range(2)}
    assert words == {"lookalike 1001"} and len(server.audiences) == 2
    spec = server.audiences["1001"]["audience_spec"]["lookalike_spec"]
    assert spec == {"seed_audience_id": int(audience), "expand_user_count": 1_500_000}


@pytest.mark.parametrize("count", [100_000, 750_000, 200_000_000])
def test_a_lookalike_of_another_size_is_refused_before_anything_is_sent(server, opened, count):
    with pytest.raises(ValueError, match="expand_user_count"):
        opened(expand_user_count=count)
    assert not server.calls


def test_an_account_that_is_no_number_is_a_mistake_of_its_file(server, opened):
    with pytest.raises(ConfigError, match=r"platforms/shop\.yml: account: tencent has numbers"):
        opened(account="shop").open_audience("a", "d")
    assert not server.calls


def test_results_come_in_yuan_over_all_pages_and_ranges(server, opened):
    days = [f"2025-0{month}-{day:02}" for month in (1, 2, 3, 4) for day in range(1, 29)]
    row = {"view_count": 9, "valid_click_count": 2, "conversions_count": 1, "order_amount": 5}
    server.reports = [{**row, "date": day, "adgroup_id": n, "cost": 1_234_56} for day in days for n in (1, 2)]
    platform = opened(revenue_field="order_amount")
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


def test_what_has_no_hash_leaves_clear_and_an_oaid_as_it_is():
    assert {name for name, form in Tencent.forms.items() if form.hash == "none"} == {"unionid", "openid", "device:caid"}
    assert Tencent.forms["device:oaid"] == IdFormat("as_given", "md5")
