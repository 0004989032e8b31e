"""Google's interfaces over HTTP, against a server that keeps real sets and processes requests later."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from platforms.contract import batch, connected, hashed, settled
from platforms.google_server import DAY_OVER, TERMS, UNDONE, GoogleServer
from platforms.server import AUTH, RATE

from jobs.exports.platform import Conversion
from jobs.exports.platforms.google import Google
from quanyu.errors import ConfigError, LaterError, RejectedError, RetryableError

IDFA, GAID = "6D92078A-8246-4BA4-AE5B-76104861E7DC", "38400000-8cf0-11bd-b23e-10b96e40000d"


@pytest.fixture
def server():
    with GoogleServer() as server:
        yield server


@pytest.fixture
def google(server, monkeypatch):
    return connected(Google, server, monkeypatch)


def test_lists_are_opened_once_by_their_name(server, google):
    for number in range(3):
        google.open_audience(f"other_{number}", "")
    opened = google.open_audience("churn", "Who may leave us")
    assert google.open_audience("churn", "Who may leave us") == opened == "contact:9003"
    assert server.lists["9003"]["ingestedUserListInfo"] == {"uploadKeyTypes": ["CONTACT_ID"]}


def test_mobile_ids_have_lists_of_their_own(server, monkeypatch):
    google = connected(Google, server, monkeypatch, ios_app="i1", android_app="a1")
    audience = google.open_audience("app", "")
    assert audience == "contact:9000,ios:9001,android:9002"
    assert server.lists["9001"]["ingestedUserListInfo"]["mobileIdInfo"] == {"appId": "i1", "keySpace": "IOS"}
    for values, kind in (([IDFA], "device:idfa"), ([GAID], "device:gaid"), (hashed("e"), "email")):
        assert settled(google, audience, google.add(audience, batch(values, kind))).state == "done"
    assert (server.sets["9001"], server.sets["9002"]) == ({IDFA}, {GAID})
    assert server.members(audience) == {IDFA, GAID, *hashed("e")}


def test_who_is_on_a_list_that_is_sent_no_more_can_still_leave_it(server, monkeypatch):
    both = connected(Google, server, monkeypatch, send=["email", "phone", "device:gaid"], android_app="a1")
    audience = both.open_audience("app", "")
    for values, kind in ((hashed("e"), "email"), ([GAID], "device:gaid")):
        settled(both, audience, both.add(audience, batch(values, kind)))
    narrowed = connected(Google, server, monkeypatch, send=["device:gaid"], android_app="a1")
    assert narrowed.open_audience("app", "") == audience == "contact:9000,android:9001"
    assert settled(narrowed, audience, narrowed.remove(audience, batch(hashed("e"), "email"))).state == "done"
    assert server.members(audience) == {GAID}
    # Where there never was a list of contacts, none is created.
    assert narrowed.open_audience("other", "") == "android:9002"


def test_mobile_ids_without_their_app_are_refused_in_words(server, monkeypatch):
    with pytest.raises(ConfigError, match="ios_app is needed"):
        connected(Google, server, monkeypatch, send=["email", "device:idfa"])
    google = connected(Google, server, monkeypatch)
    audience, calls = google.open_audience("churn", ""), len(server.calls)
    receipt = google.add(audience, batch([GAID], "device:gaid"))
    assert (receipt.state, google.remove(audience, batch([GAID], "device:gaid")).state) == ("failed", "done")
    assert [*Google.forms_of(google.account)] == ["email", "phone"]
    assert len(server.calls) == calls


def test_members_are_there_when_the_request_is_processed(server, google):
    audience, values = google.open_audience("churn", ""), hashed(*range(10))
    for _ in range(2):
        receipt = google.add(audience, batch(values))
        assert receipt.state == "pending" and google.poll(audience, receipt.handle).state == "pending"
        assert settled(google, audience, receipt).state == "done"
        assert server.members(audience) == set(values)
        gone = google.remove(audience, batch(values[:4]))
        assert settled(google, audience, gone).state == "done"
        assert server.members(audience) == set(values[4:])


def test_an_addition_tells_consent_and_terms(server, google):
    audience = google.open_audience("churn", "")
    google.add(audience, batch(hashed(1)))
    content = server.calls[-1].json
    assert content["consent"] == {"adUserData": "CONSENT_GRANTED", "adPersonalization": "CONSENT_GRANTED"}
    assert content["termsOfService"] == {"customerMatchTermsOfServiceStatus": "ACCEPTED"}
    assert content["audienceMembers"] == [{"userData": {"userIdentifiers": [{"phoneNumber": hashed(1)[0]}]}}]


def test_failed_records_are_named_or_counted(server, google):
    audience, values = google.open_audience("churn", ""), sorted([*hashed(1, 2), "no hash", "nothing"])
    receipt = settled(google, audience, google.add(audience, batch(values)))
    assert (receipt.state, receipt.invalid, receipt.words) == ("done", 1, "INVALID_FORMAT")
    assert [values[place] for place in receipt.rejected] == ["no hash"]
    assert server.members(audience) == set(hashed(1, 2))


def test_a_request_that_fails_while_it_is_processed_is_no_receipt(server, google):
    audience = google.open_audience("churn", "")
    server.fail_next(UNDONE)
    receipt = settled(google, audience, google.add(audience, batch(hashed(1))))
    assert (receipt.state, receipt.words) == ("failed", "INTERNAL_ERROR") and server.members(audience) == set()


@pytest.mark.parametrize(
    ("kind", "error", "words"),
    [
        (DAY_OVER, LaterError, "too many calls"),
        (AUTH, RejectedError, "ACCESS_TOKEN_EXPIRED: give the account a valid token"),
        (TERMS, RejectedError, "NOT_SIGNED: accept the terms"),
        (RATE, RetryableError, "too many calls"),
    ],
)
def test_errors_say_who_must_act_and_quote_nobody(server, google, kind, error, words):
    audience = google.open_audience("churn", "")
    server.fail_next(kind, 9)
    with pytest.raises(error, match=words) as raised:
        google.remove(audience, batch(hashed(1)))
    assert "ann@" not in str(raised.value)


def test_status_has_sizes_and_the_match_rate(server, google):
    audience, values = google.open_audience("churn", ""), hashed(*range(40))
    known = [value for value in values if value[-1] in "02468ace"]
    assert google.status(audience).state == "parsing"
    settled(google, audience, google.add(audience, batch(known[:2])))
    assert (google.status(audience).state, google.status(audience).usable) == ("published", 0)
    settled(google, audience, google.add(audience, batch(values)))
    status = google.status(audience)
    assert (status.state, status.matched, status.match_rate) == ("usable", len(known), 100 * len(known) // 40 / 100)
    server.lists["9000"]["membershipStatus"] = "CLOSED"
    assert google.status(audience).state == "failed"


def test_results_are_exact(server, monkeypatch):
    monkeypatch.setenv("DEVELOPER", "developer")
    google = connected(Google, server, monkeypatch, ads_url=server.url, developer_token="env:DEVELOPER")
    server.rows = [
        {"campaign": {"id": "77"}, "segments": {"date": f"2025-02-0{day}"}, "customer": {"currencyCode": "SGD"},
         "metrics": {"impressions": "1000", "clicks": "31", "costMicros": "12300001", "conversions": 2.5,
                     "conversionsValue": 210.55}}
        for day in range(1, 7)
    ]  # fmt: skip
    rows = list(google.results(date(2025, 2, 2), date(2025, 2, 6)))
    assert [row.day for row in rows] == [date(2025, 2, day) for day in range(2, 7)]
    assert (rows[0].cost, rows[0].currency, rows[0].clicks) == (Decimal("12.300001"), "SGD", 31)
    assert (rows[0].conversions, rows[0].revenue) == (Decimal("2.5"), Decimal("210.55"))
    with pytest.raises(ConfigError, match="developer_token"):
        list(connected(Google, server, monkeypatch).results(date(2025, 2, 2), date(2025, 2, 6)))


def test_conversions_are_told_once(server, monkeypatch):
    google = connected(Google, server, monkeypatch, conversion_action="555")
    now, [phone] = datetime(2025, 2, 3, 4, 5, 6, tzinfo=UTC), hashed("p")

    def bought(key, ago, **identifiers):
        happened = now - timedelta(days=ago)
        return Conversion(
            key=key, identifiers=identifiers, happened_at=happened, amount=Decimal("19.90"), currency="SGD"
        )

    purchases = [bought("o0", 1), bought("o1", 1, phone=phone), bought("o2", 0, phone=phone)]
    for _ in range(2):
        receipt = settled(google, "", google.convert(purchases))
        assert (receipt.state, list(receipt.rejected), receipt.invalid) == ("done", [0], 0)
    assert set(server.events) == {"o1", "o2"}
    event = server.events["o2"]
    assert (event["eventTimestamp"], event["eventSource"]) == ("2025-02-03T04:05:06Z", "IN_STORE")
    assert event["userData"] == {"userIdentifiers": [{"phoneNumber": phone}]}
