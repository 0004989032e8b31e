"""TikTok's interface over HTTP, against a server that keeps real sets and tells of errors with HTTP 200."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from platforms.contract import batch, connected, hashed
from platforms.server import BROKEN, LOST, RATE, WELL
from platforms.tiktok_server import PERMISSION, TiktokServer

from jobs.exports.platforms.tiktok import Tiktok
from quanyu.errors import RejectedError, RetryableError


@pytest.fixture
def server():
    with TiktokServer(least=5) as server:
        yield server


@pytest.fixture
def tiktok(server, monkeypatch):
    return connected(Tiktok, server, monkeypatch)


def test_each_identifier_has_its_own_audience_and_only_one(server, tiktok, monkeypatch):
    code = tiktok.open_audience("churn", "Who may leave us")
    phones, emails = hashed(*range(10)), hashed(*range(20, 30))
    for kind, values in (("phone", phones), ("email", emails), ("device:gaid", hashed(*range(40, 50)))):
        assert tiktok.add(code, batch(values, kind)).state == "done"
    again = connected(Tiktok, server, monkeypatch)
    again.add(code, batch(phones, "phone"))
    names = [row["name"] for row in server.audiences.values()]
    assert names == ["churn PHONE_SHA256", "churn EMAIL_SHA256", "churn GAID_SHA256"]
    assert server.members(code) == {*phones, *emails, *hashed(*range(40, 50))}


def test_a_removal_that_leaves_too_few_deletes_the_audience(server, tiktok):
    code, values = tiktok.open_audience("churn", ""), hashed(*range(6))
    tiktok.add(code, batch(values))
    tiktok.add(code, batch(hashed(*range(20, 30)), "email"))
    receipt = tiktok.remove(code, batch(values[:2]))
    assert (receipt.state, receipt.emptied) == ("done", True)
    assert server.members(code) == set(hashed(*range(20, 30)))
    tiktok.add(code, batch(values[:5]))
    assert set(values[:5]) < server.members(code)


def test_too_few_for_an_audience_are_no_receipt(server, tiktok):
    receipt = tiktok.add("churn", batch(hashed(1, 2)))
    assert receipt.state == "failed" and "1,000" in receipt.words and server.audiences == {}


def test_a_deletion_whose_answer_is_lost_is_done(server, tiktok):
    values = hashed(*range(6))
    tiktok.add("churn", batch(values))
    tiktok.remove("nobody", batch(values))
    server.fail_next(WELL, 2)
    server.fail_next(LOST)
    assert tiktok.remove("churn", batch(values)).emptied and server.audiences == {}


@pytest.mark.parametrize(
    ("kind", "error", "words"),
    [
        (PERMISSION, RejectedError, "manage the audiences"),
        (RATE, RetryableError, "too many"),
        (BROKEN, RetryableError, "50000"),
    ],
)
def test_an_error_with_status_200_is_an_error_and_quotes_nobody(server, tiktok, kind, error, words):
    server.fail_next(kind, 9)
    with pytest.raises(error, match=words) as raised:
        tiktok.add("churn", batch(hashed(*range(9))))
    assert "ann@" not in str(raised.value) and server.audiences == {}


def test_a_damaged_file_is_refused(server, tiktok):
    part = batch(hashed(*range(9)))
    tiktok.add("churn", part)
    upload = server.calls[0]
    assert upload.files["file"] == ("\n".join(part.values.to_pylist()) + "\n").encode()
    upload.files["file"] += b"x"
    assert server.answer(upload)[1]["code"] == 40002


def test_status_has_the_largest_size_and_the_day_of_expiry(server, tiktok):
    assert tiktok.status("churn").words == "nothing was uploaded"
    values = hashed(*range(60))
    known = [value for value in values if value[-1] in "02468ace"]
    unknown = [value for value in values if value not in known]
    tiktok.add("churn", batch(unknown[:6]))
    assert tiktok.status("churn").state == "parsing"
    tiktok.add("churn", batch(known[:2]))
    assert (tiktok.status("churn").state, tiktok.status("churn").usable) == ("published", 0)
    tiktok.add("churn", batch(values))
    status = tiktok.status("churn")
    assert (status.state, status.matched, status.expires_on) == ("usable", len(known), date(2099, 2, 3))


def test_an_expired_audience_has_failed(server, tiktok):
    values = [value for value in hashed(*range(60)) if value[-1] not in "02468ace"]
    tiktok.add("churn", batch(values))
    server.audiences["7100"]["expired_time"] = f"{date.today() - timedelta(days=2)} 00:00:00"
    assert tiktok.status("churn").state == "failed"


def test_results_are_exact_over_more_than_thirty_days(server, tiktok):
    server.rows = [
        {"dimensions": {"campaign_id": "77", "stat_time_day": f"{date(2025, 1, 1) + timedelta(days=day)} 00:00:00"},
         "metrics": {"spend": "12.30", "currency": "SGD", "impressions": "1000", "clicks": "31",
                     "complete_payment": "3", "total_complete_payment_rate": "210.55"}}
        for day in range(50)
    ]  # fmt: skip
    rows = list(tiktok.results(date(2025, 1, 2), date(2025, 2, 10)))
    assert [row.day for row in rows] == [date(2025, 1, 2) + timedelta(days=day) for day in range(40)]
    assert (rows[0].cost, rows[0].currency, rows[0].revenue) == (Decimal("12.30"), "SGD", Decimal("210.55"))
