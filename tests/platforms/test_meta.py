"""Meta's interface over HTTP, against a server that keeps real sets."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from platforms.contract import batch, connected, hashed
from platforms.meta_server import FLAGGED, MOMENT, TERMS, TOO_SMALL, MetaServer
from platforms.server import LOST, RATE, WELL

from jobs.exports.platform import Conversion
from jobs.exports.platforms.meta import Meta
from quanyu.errors import ConfigError, LaterError, RejectedError

DEVICE = "6d92078a-8246-4ba4-ae5b-76104861e7dc"


@pytest.fixture
def server():
    with MetaServer(least=3) as server:
        yield server


@pytest.fixture
def meta(server, monkeypatch):
    return connected(Meta, server, monkeypatch)


def test_an_audience_is_opened_once(server, meta):
    others = [meta.open_audience(f"other_{number}", "") for number in range(3)]
    opened = meta.open_audience("churn", "Who may leave us")
    assert meta.open_audience("churn", "Who may leave us") == opened
    assert list(server.audiences) == [*others, opened]
    assert server.audiences[opened]["customer_file_source"] == "USER_PROVIDED_ONLY"


def test_mobile_ids_leave_clear(server, meta):
    audience = meta.open_audience("app", "")
    meta.add(audience, batch([DEVICE], "device:gaid"))
    assert server.members(audience) == {DEVICE}
    assert server.calls[-1].json["payload"] == {"schema": ["MADID"], "data": [[DEVICE]]}


def test_values_of_a_seed_go_along(server, monkeypatch):
    meta = connected(Meta, server, monkeypatch, value_based=True)
    audience, values = meta.open_audience("seed", ""), hashed("a", "b")
    meta.add(audience, batch(values, weights=[0.5, 140.0]))
    assert server.audiences[audience]["is_value_based"] is True
    assert server.weights[audience] == dict(zip(values, [0.5, 140.0], strict=True))


def test_a_replacement_is_one_session_and_shows_when_it_is_whole(server, meta):
    audience = meta.open_audience("churn", "")
    meta.add(audience, batch(hashed("old")))
    parts, seen = [batch(hashed(*range(start, start + 5))) for start in (0, 5, 10)], []

    def watched():
        for part in parts:
            seen.append(server.members(audience))
            yield part

    meta.replace(audience, watched())
    assert server.members(audience) == set(hashed(*range(15)))
    assert seen == [set(hashed("old"))] * 3
    sessions = [call.json["session"] for call in server.calls if call.path.endswith("usersreplace")]
    assert [(one["batch_seq"], one["last_batch_flag"]) for one in sessions] == [(1, False), (2, False), (3, True)]
    assert len({one["session_id"] for one in sessions}) == 1
    with pytest.raises(RejectedError, match="by nobody"):
        meta.replace(audience, iter(()))


@pytest.mark.parametrize("kind", [LOST, MOMENT])
def test_a_batch_that_is_sent_again_is_in_the_same_session(server, meta, kind):
    audience = meta.open_audience("churn", "")
    server.fail_next(kind)
    meta.add(audience, batch(hashed(1, 2, 3)))
    assert server.members(audience) == set(hashed(1, 2, 3))
    assert len(server.sessions[audience]) == 1


@pytest.mark.parametrize(
    ("kind", "error", "words"),
    [
        (RATE, LaterError, "80003"),
        (TERMS, RejectedError, "accept Meta's terms"),
        (FLAGGED, RejectedError, "appeal"),
    ],
)
def test_errors_say_who_must_act_and_quote_nobody(server, meta, kind, error, words):
    audience = meta.open_audience("churn", "")
    server.fail_next(kind, 9)
    with pytest.raises(error, match=words) as raised:
        meta.add(audience, batch(hashed(1)))
    assert "ann@" not in str(raised.value) and server.members(audience) == set()


def test_status_counts_whom_meta_knows(server, meta):
    audience, values = meta.open_audience("churn", ""), hashed(*range(40))
    known = [value for value in values if value[-1] in "02468ace"]
    assert meta.status(audience).words == "nobody was uploaded"
    meta.add(audience, batch(known[:2]))
    few = meta.status(audience)
    assert (few.state, few.matched, few.usable, few.match_rate) == ("published", None, 0, 1.0)
    meta.add(audience, batch(values))
    status = meta.status(audience)
    assert (status.state, status.matched, status.usable) == ("usable", len(known), len(known))
    assert status.match_rate == (2 + len(known)) / 42


def test_a_lookalike_is_created_once_the_seed_is_large_enough(server, monkeypatch):
    meta = connected(Meta, server, monkeypatch, lookalike={"country": "SG", "ratio": 0.02})
    audience = meta.open_audience("seed", "")
    server.fail_next(WELL)
    server.fail_next(TOO_SMALL)
    meta.publish(audience)
    assert list(server.audiences) == [audience]
    meta.publish(audience)
    meta.publish(audience)
    [lookalike] = [row for row in server.audiences.values() if row["subtype"] == "LOOKALIKE"]
    assert lookalike["origin_audience_id"] == audience
    assert lookalike["lookalike_spec"] == '{"type": "custom_ratio", "ratio": 0.02, "country": "SG"}'


def test_results_are_exact_and_paged(server, meta):
    server.insights = [
        {"campaign_id": f"c{day}", "account_currency": "SGD", "date_start": f"2025-02-0{day}", "impressions": "1000",
         "clicks": "31", "spend": "12.30", "actions": [{"action_type": "omni_purchase", "value": "3"},
                                                         {"action_type": "link_click", "value": "31"}],
         "action_values": [{"action_type": "omni_purchase", "value": "210.55"}]}
        for day in range(1, 7)
    ]  # fmt: skip
    rows = list(meta.results(date(2025, 2, 2), date(2025, 2, 6)))
    assert [row.day for row in rows] == [date(2025, 2, day) for day in range(2, 7)]
    assert (rows[0].cost, rows[0].currency, rows[0].clicks) == (Decimal("12.30"), "SGD", 31)
    assert (rows[0].conversions, rows[0].revenue) == (Decimal(3), Decimal("210.55"))


def test_conversions_are_told_once_and_old_ones_are_left_out(server, monkeypatch):
    meta = connected(Meta, server, monkeypatch, dataset=server.dataset)
    now, [phone, email] = datetime.now(UTC), hashed("p", "e")

    def bought(key, ago, **identifiers):
        happened = now - timedelta(days=ago)
        return Conversion(
            key=key, identifiers=identifiers, happened_at=happened, amount=Decimal("19.90"), currency="SGD"
        )

    purchases = [bought("o1", 1, phone=phone, email=email), bought("o2", 90, phone=phone), bought("o3", 2)]
    for _ in range(2):
        receipt = meta.convert(purchases)
        assert (list(receipt.rejected), receipt.invalid) == ([1, 2], 0)
    [event] = server.events.values()
    assert (event["event_id"], event["event_name"], event["action_source"]) == ("o1", "Purchase", "physical_store")
    assert event["user_data"] == {"ph": [phone], "em": [email]}
    assert event["custom_data"] == {"value": 19.9, "currency": "SGD"}
    with pytest.raises(ConfigError, match="dataset"):
        connected(Meta, server, monkeypatch).convert(purchases)
