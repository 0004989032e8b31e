"""The consent gate on a real lake: who may be contacted, where, for which purpose and channel, and why not."""

import hashlib
from datetime import UTC, date, datetime

import pytest
from consents import ADS, DAY, EMAIL, WECOM, customers, declared, land, member, reasons, took

from jobs.consent.facts import Moment
from jobs.consent.missing_answers import reasons_to_wait
from jobs.journeys.sending.mail import fingerprint
from quanyu.config.settings import person_key_secret
from quanyu.identifiers.normalise import address_hash
from quanyu.lake.receipt import Receipt


@pytest.fixture
def shop(tmp_path):
    retailer = declared(tmp_path)
    yield retailer
    retailer.close()


def test_a_consent_is_for_its_purpose_and_channel(shop):
    land(shop, "crm", DAY, *(member(n) for n in range(1, 7)))
    land(
        shop,
        "answers",
        DAY,
        "M1,messages,sms,2024-06-01,granted",
        "M2,messages,email,2024-06-01,granted",
        "M3,messages,any,2024-06-01,granted",
        "M4,ads,any,2024-06-01,granted",
        "M5,messages,any,2024-06-01,granted",
        "M5,messages,email,2024-06-02,withdrawn",
        "M6,ads,any,2024-06-01,granted",
        "M6,ads,email,2024-06-02,withdrawn",
    )
    context = took(shop)
    no = "no consent to messages on email"
    assert reasons(context, EMAIL) == {
        ("M1", None): no, ("M2", "m2@shop.cn"): None, ("M3", "m3@shop.cn"): None, ("M4", None): no,
        ("M5", None): "withdrew consent to messages on email", ("M6", None): no,
    }  # fmt: skip
    ads = reasons(context, ADS)
    assert ads["M4", "m4@shop.cn"] is None and ads["M1", None] == "no consent to ads on any"
    assert ads["M6", "m6@shop.cn"] == "withdrew consent to ads on email, by somebody who shows it"


def test_the_stricter_of_two_answers_with_the_same_time_counts(shop):
    land(shop, "crm", DAY, member(1))
    land(shop, "answers", DAY, "M1,messages,any,2024-06-01,granted", "M1,messages,any,2024-06-01,withdrawn")
    assert reasons(took(shop), EMAIL) == {("M1", None): "withdrew consent to messages on email"}


def test_only_a_newer_grant_lifts_a_withdrawal(shop):
    land(shop, "crm", DAY, member(1))
    land(shop, "answers", DAY, "M1,messages,any,2024-06-01,granted", "M1,messages,any,2024-06-02,withdrawn")
    assert reasons(took(shop), EMAIL) == {("M1", None): "withdrew consent to messages on email"}
    land(shop, "answers", DAY, "M1,messages,any,2024-06-01,granted")
    assert reasons(took(shop), EMAIL) == {("M1", None): "withdrew consent to messages on email"}
    land(shop, "answers", "2024-07-02", "M1,messages,email,2024-07-02,granted")
    assert reasons(took(shop, "2024-07-02"), EMAIL) == {("M1", "m1@shop.cn"): None}


def test_an_unreadable_row_of_consents_suppresses_everybody_with_its_identifiers(shop):
    land(shop, "crm", DAY, member(1, email="fam@shop.cn"), member(2, email="fam@shop.cn"), member(3), member(4))
    land(shop, "answers", DAY, *(f"M{n},messages,any,2024-06-01,granted" for n in (1, 2, 3, 4)))
    land(shop, "answers", "2024-07-02", "M1,messages,any,2024-07-02,n", "M3,messages,Email,2024-07-02,withdrawn")
    answers = reasons(took(shop, "2024-07-02"), EMAIL)
    unread = "a row of answers about this person cannot be read"
    assert answers == {
        ("M1", None): unread, ("M2", "fam@shop.cn"): f"{unread}, by somebody who shows it", ("M3", None): unread,
        ("M4", "m4@shop.cn"): None,
    }  # fmt: skip
    land(shop, "answers", "2024-07-02", "M1,messages,any,2024-07-02,granted", "M3,messages,email,2024-07-02,withdrawn")
    answers = reasons(took(shop, "2024-07-02"), EMAIL)
    assert answers["M2", "fam@shop.cn"] is None and answers["M3", None] == "withdrew consent to messages on email"


def test_events_of_the_message_system_suppress_addresses(shop):
    land(shop, "crm", DAY, *(member(n) for n in range(1, 6)), member(6, email="both@shop.cn"))
    land(shop, "answers", DAY, *(f"M{n},messages,any,2024-06-01,granted" for n in range(1, 7)))
    land(shop, "sends", DAY,
         "a,unsubscribed,2024-06-20,email,M1,", "b,bounced,2024-06-20,email,M2,m2@shop.cn",
         "c,complained,2024-06-20,email,,m3@shop.cn", "d,opened,2024-06-20,email,M4,",
         "e,unsubscribed,2024-06-20,sms,M5,",
         "f,bounced,2024-06-20,email,,gone@shop.cn")  # fmt: skip
    answers = reasons(took(shop), EMAIL)
    assert answers == {
        ("M1", None): "unsubscribed on email", ("M2", "m2@shop.cn"): "a message on email bounced",
        ("M3", "m3@shop.cn"): "complained of a message on email", ("M4", "m4@shop.cn"): None,
        ("M5", "m5@shop.cn"): None, ("M6", "both@shop.cn"): None,
    }  # fmt: skip
    land(shop, "answers", "2024-07-02", *(f"M{n},messages,email,2024-07-01 09:00:00,granted" for n in (1, 2, 3)))
    answers = reasons(took(shop, "2024-07-02"), EMAIL)
    assert answers["M1", "m1@shop.cn"] is None
    assert answers["M2", "m2@shop.cn"] == "a message on email bounced"


def test_a_bounce_of_our_own_message_needs_no_person(shop):
    land(shop, "crm", DAY, member(1), member(2))
    land(shop, "answers", DAY, *(f"M{n},messages,any,2024-06-01,granted" for n in (1, 2)))
    land(shop, "sends", DAY, f"<{fingerprint('walk-0')}@shop.cn>,bounced,2024-06-20,email,,")
    context = took(shop)
    table = context.catalogue.tables["deliveries"]
    own = {
        "key": "walk-0", "customer_id": next(one for one, name in customers(context).items() if name == "M1"),
        "address_hash": address_hash(person_key_secret(context.settings), "email", "m1@shop.cn"),
        "journey": "j", "instance_id": "walk", "step": 0, "channel": "smtp", "template": "j.0", "status": "sent",
        "attempts": 1, "revision": 1, "home": "quanyu", "at": datetime.now(UTC),
        **dict.fromkeys(("planned_on", "due_on", "day"), date(2024, 6, 19)),
    }  # fmt: skip
    context.lake.append_row(table, own, Receipt("send", DAY, "r", "d"))
    assert reasons(context, EMAIL) == {
        ("M1", "m1@shop.cn"): "a message on email bounced", ("M2", "m2@shop.cn"): None,
    }  # fmt: skip


def test_a_wecom_contact_is_paused_for_the_declared_time(shop):
    land(shop, "crm", DAY, member(1, wecom="wm000001"), member(2, wecom="wm000002"), member(3, wecom="wm000003"))
    land(shop, "answers", DAY, *(f"M{n},messages,any,2024-05-01,granted" for n in (1, 2, 3)))
    land(shop, "sends", DAY, "a,not_friend,2024-06-20,wecom,M1,", "b,limit_reached,2024-06-20,wecom,M2,",
         "c,not_friend,2024-05-01,wecom,M3,")  # fmt: skip
    assert reasons(took(shop), WECOM) == {
        ("M1", None): "no contact in wecom", ("M2", "wm000002"): None, ("M3", "wm000003"): None,
    }  # fmt: skip


def test_an_address_of_a_withdrawn_consent_is_suppressed_for_everybody(shop):
    phone = "13912345679"
    land(shop, "crm", DAY, member(1, phone, "ads@shop.cn"), member(2, email="ads@shop.cn"))
    land(shop, "crm", "2024-06-30", member(3, email="fam@shop.cn"), member(4, email="fam@shop.cn"))
    granted = [f"M{n},{p},any,2024-06-01,granted" for n in range(1, 5) for p in ("ads", "messages")]
    land(shop, "answers", DAY, *granted, "M2,ads,any,2024-06-02,withdrawn", "M4,messages,email,2024-06-02,withdrawn")
    context = took(shop)
    ads = reasons(context, ADS)
    assert ads["M1", "ads@shop.cn"] == "withdrew consent to ads on any, by somebody who shows it"
    assert ads["M1", f"+86{phone}"] is None
    mails = reasons(context, EMAIL)
    assert mails["M3", "fam@shop.cn"] == "withdrew consent to messages on email, by somebody who shows it"


def test_a_listed_address_is_suppressed_in_the_clear_or_hashed(shop):
    phones = {n: f"1391234560{n}" for n in (1, 2, 3, 4)}
    land(shop, "crm", DAY, *(member(n, phones[n]) for n in phones))
    land(shop, "answers", DAY, *(f"M{n},{p},any,2024-06-01,granted" for n in phones for p in ("ads", "messages")))
    digest = hashlib.sha256(f"86{phones[2]}".encode()).hexdigest()
    land(shop, "stops", DAY, f"{phones[1]},,,any", f",,{digest},any", ",m3@shop.cn,,email", f"{phones[4]},,,phone")
    context = took(shop)
    listed = "on a list of what must never be contacted"
    ads = reasons(context, ADS)
    assert [ads[f"M{n}", f"+86{phones[n]}"] for n in phones] == [listed, listed, None, listed]
    assert [ads[f"M{n}", f"m{n}@shop.cn"] for n in phones] == [None, None, listed, None]
    mails = reasons(context, EMAIL)
    assert [mails[f"M{n}", f"m{n}@shop.cn"] for n in phones] == [None, None, listed, None]


def test_an_address_shared_with_a_held_out_person_is_withheld(shop):
    land(shop, "crm", DAY, member(1, email="fam@shop.cn"), member(2, email="fam@shop.cn"), member(3))
    land(shop, "answers", DAY, *(f"M{n},messages,any,2024-06-01,granted" for n in (1, 2, 3)))
    assert reasons(took(shop), EMAIL, held_out=["M1"]) == {
        ("M1", None): "held out", ("M2", "fam@shop.cn"): "shared with somebody who is held out",
        ("M3", "m3@shop.cn"): None,
    }  # fmt: skip


def test_only_data_of_that_moment_count_for_a_past_moment(shop):
    land(shop, "crm", DAY, member(1))
    land(shop, "answers", DAY, "M1,messages,any,2024-06-01,granted")
    took(shop)
    land(shop, "answers", "2024-07-02", "M1,messages,any,2024-07-01 10:00:00,withdrawn")
    context = took(shop, "2024-07-02")
    before = Moment(datetime(2024, 7, 1, 16, tzinfo=UTC), date(2024, 7, 1))
    assert reasons(context, EMAIL, moment=before) == {("M1", "m1@shop.cn"): None}
    assert reasons(context, EMAIL) == {("M1", None): "withdrew consent to messages on email"}


def test_consents_are_in_doubt_when_their_feed_or_the_identities_stopped(shop):
    land(shop, "crm", DAY, member(1))
    context = took(shop)
    assert reasons_to_wait(context, "ads") == []
    land(shop, "answers", "2024-07-02", "M1,ads,any,2024-07-02,granted")
    later = shop.context("2024-07-02")
    assert reasons_to_wait(later, "ads") == ["answers: 1 landed files are not ingested",
                                    "identities were not updated to 2024-07-02"]  # fmt: skip
    took(shop, "2024-07-02")
    assert reasons_to_wait(shop.context("2024-07-02"), "ads") == []
    assert [words.partition(",")[0] for words in reasons_to_wait(shop.context("2024-07-20"), "ads")] == [
        "answers: the newest day is 2024-07-02", "identities were not updated to 2024-07-20",
    ]  # fmt: skip
