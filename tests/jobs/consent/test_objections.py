"""Objections on a real lake: from unreadable rows, suppression lists, other parties and feeds no longer declared."""

from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from consents import ADS, DAY, EMAIL, SOURCES, customers, declared, land, member, reasons, took

from jobs.consent.facts import Question, held_out
from jobs.consent.missing_answers import reasons_to_wait
from quanyu.errors import ConfigError
from quanyu.lake.receipt import Receipt

LISTED = "on a list of what must never be contacted"
AGREED = """
describes: Members agree when they join.
owner: crm
reads: {path: "agreed/{day}.csv", format: csv}
delivers: changes
freshness: {hours: 72}
person: [{kind: member, scope: brand, value: member}]
fills:
  consents: {purpose: purpose, channel: "'any'", changed_at: "cast('2024-01-01' as timestamp)", state: "'granted'"}
"""


@pytest.fixture
def shop(tmp_path):
    """Three members who consent in a feed of their own, separate from the feed of answers."""
    retailer = declared(tmp_path)
    retailer.declare("sources/agreed.yml", AGREED)
    land(retailer, "crm", DAY, *(member(n, f"1391234567{n}") for n in (1, 2, 3)))
    agreed = [f"M{n},{purpose}" for n in (1, 2, 3) for purpose in ("messages", "ads")]
    retailer.land(f"agreed/{DAY}.csv", "\n".join(["member,purpose", *agreed]) + "\n")
    retailer.run(DAY, "ingest.agreed")
    yield retailer
    retailer.close()


def unread(feed):
    return f"a row of {feed} about this person cannot be read"


def test_the_first_row_of_a_person_suppresses_them_too_if_it_is_unreadable(shop):
    land(shop, "answers", DAY, "M1,messages,Email,2024-06-20,withdrawn", "M2,ads,any,2024-06-20,n")
    answers = reasons(took(shop), EMAIL)
    assert answers == {("M1", None): unread("answers"), ("M2", None): unread("answers"), ("M3", "m3@shop.cn"): None}


def test_an_unreadable_row_of_a_list_or_of_message_events_counts(shop):
    land(shop, "stops", DAY, ",m1@shop.cn,,Email")
    land(shop, "sends", DAY, "a,Unsubscribed,2024-06-20,email,,m2@shop.cn", "b,unsubscribed,20 June,email,M3,")
    context = took(shop)
    messages = {("M1", None): unread("stops"), ("M2", None): unread("sends"), ("M3", None): unread("sends")}
    assert reasons(context, EMAIL) == messages
    ads = reasons(context, ADS)
    assert ads["M1", None] == unread("stops") and ads["M2", "m2@shop.cn"] is None


def test_a_list_may_identify_persons_by_member_number(shop):
    text = SOURCES["stops"].replace("kind: phone_sha256, value", "kind: member, scope: brand, value")
    shop.declare("sources/stops.yml", text)
    land(shop, "stops", DAY, ",,M1,any", ",,M2,email")
    context = took(shop)
    assert reasons(context, EMAIL) == {("M1", None): LISTED, ("M2", None): LISTED, ("M3", "m3@shop.cn"): None}
    ads = reasons(context, ADS)
    assert ads["M1", None] == LISTED and ads["M2", "+8613912345672"] is None
    assert ads["M2", "m2@shop.cn"] == f"{LISTED}, by somebody who shows it"


def test_an_answer_of_another_party_counts_by_its_member_number(shop):
    shop.declare("sources/answers.yml", SOURCES["answers"].replace("owner: legal", "owner: legal\nparty: third"))
    land(shop, "answers", DAY, "M1,messages,any,2024-06-20,withdrawn")
    answers = reasons(took(shop), EMAIL)
    assert answers["M1", None] == "withdrew consent to messages on email" and answers["M2", "m2@shop.cn"] is None


def test_a_set_for_messages_has_no_address_that_unsubscribed_on_its_channel(shop):
    land(shop, "sends", DAY, "a,unsubscribed,2024-06-20,email,,m1@shop.cn", "b,complained,2024-06-20,sms,M2,")
    answers = reasons(took(shop), Question("messages", "any", ("phone", "email")))
    assert answers["M1", "m1@shop.cn"] == "unsubscribed on email" and answers["M1", "+8613912345671"] is None
    assert answers["M2", "+8613912345672"] == "complained of a message on sms, by somebody who shows it"
    assert answers["M2", "m2@shop.cn"] is None


def test_a_shared_address_may_be_used_for_those_who_consented_again(shop):
    land(shop, "crm", DAY, member(1, email="fam@shop.cn"), member(2, email="fam@shop.cn"))
    land(shop, "sends", DAY, "a,unsubscribed,2024-06-20,email,,fam@shop.cn")
    gone = "unsubscribed on email"
    assert reasons(took(shop), EMAIL) == {("M1", "fam@shop.cn"): gone, ("M2", "fam@shop.cn"): gone}
    again = [f"M{n},messages,email,2024-07-01 09:00:00,granted" for n in (1, 2)]
    for day, row, free in (("2024-07-02", again[1], {"M2"}), ("2024-07-03", again[0], {"M1", "M2"})):
        land(shop, "answers", day, row)
        answers = reasons(took(shop, day), EMAIL)
        assert {name for (name, _), reason in answers.items() if reason is None} <= free
    assert answers == {("M1", "fam@shop.cn"): None, ("M2", "fam@shop.cn"): None}


def test_only_objections_count_of_a_feed_that_is_no_longer_declared(shop):
    answers = ["M1,messages,Email,2024-06-20,withdrawn", "M2,messages,any,2024-06-20,withdrawn"]
    land(shop, "answers", DAY, *answers, "M3,analytics,any,2024-06-20,granted")
    context = took(shop)
    analytics = Question("analytics", "any", ("email",))
    assert reasons(context, analytics)["M3", "m3@shop.cn"] is None
    before = reasons(context, EMAIL)
    assert before["M1", None] == unread("answers")
    (shop.conf / "sources/answers.yml").unlink()
    context = shop.context(DAY)
    assert reasons(context, EMAIL) == before
    assert reasons(context, analytics)["M3", None] == "no consent to analytics on any"


def test_a_holdout_applies_under_another_id_before_the_audience_is_evaluated_again(shop):
    took(shop)
    land(shop, "sends", "2024-07-02", "a,opened,2024-06-20,email,,new@shop.cn")
    context = took(shop, "2024-07-02")
    ids = context.lake.table(context.catalogue.tables["identities"]).where("source = 'sends'")
    [(other,)] = ids.select("customer_id").collect()
    stay = [("winback", other, date(2024, 7, 2), None, True)]
    schema = "audience string, customer_id string, entered_on date, left_on date, holdout boolean"
    receipt = Receipt("memberships.customer", str(context.day), context.run_id, "d")
    context.lake.sync(
        context.catalogue.tables["memberships_customer"], context.lake.spark.createDataFrame(stay, schema), receipt
    )
    # The person who opened it turns out to be M1, whose id remains.
    land(shop, "crm", "2024-07-03", member(1, email="new@shop.cn"))
    context = took(shop, "2024-07-03")
    one = {customer for customer, name in customers(context).items() if name == "M1"}
    assert other not in one and one <= {row[0] for row in held_out(context, "winback").collect()}


def test_an_unsubscription_with_the_key_of_another_customers_message_counts(shop):
    land(shop, "sends", DAY, *(f"spring,unsubscribed,2024-06-20,email,M{n}," for n in (1, 2, 1)))
    answers = reasons(took(shop), EMAIL)
    assert answers == {
        ("M1", None): "unsubscribed on email", ("M2", None): unread("sends"), ("M3", "m3@shop.cn"): None,
    }  # fmt: skip


def test_a_file_of_consents_that_cannot_be_ingested_puts_them_in_doubt(shop):
    link = shop.home / "landing" / "answers" / "2024-07-02.csv"
    link.symlink_to("nowhere.csv")
    [words] = reasons_to_wait(took(shop), "ads")
    assert words.startswith("answers: answers/2024-07-02.csv was not ingested")


def test_a_database_that_could_not_be_read_for_the_day_puts_consents_in_doubt(shop):
    text = SOURCES["answers"].replace('"answers/{day}.csv", format: csv', '"replies/{day}/*.parquet", format: parquet')
    shop.declare(
        "sources/replies.yml",
        text + "extracts: {url: 'env:NO_SUCH_ADDRESS', table: replies, watermark: at, overlap: 1 days}\n",
    )
    rows = {"member": ["M1"], "purpose": ["ads"], "channel": ["any"], "at": ["2024-06-01"], "state": ["granted"]}
    file = shop.land(f"replies/{DAY}/00000.parquet", b"")
    pq.write_table(pa.table(rows), file)
    shop.run(DAY, "ingest.replies")
    assert reasons_to_wait(took(shop), "ads") == []
    with pytest.raises(ConfigError, match="NO_SUCH_ADDRESS"):
        shop.run("2024-07-02", "ingest.replies")
    assert reasons_to_wait(took(shop, "2024-07-02"), "ads") == [
        "replies: nothing was extracted from its database for 2024-07-02"
    ]
