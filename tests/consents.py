"""A retailer with feeds of members, consents, message events and suppression lists, for tests of consent."""

import contextlib
from datetime import date

from shop import Retailer, template

from jobs.consent.facts import Question
from jobs.consent.gate import check_consent
from quanyu.errors import ContractError
from quanyu.lake.receipt import Receipt

DAY = "2024-07-01"
EMAIL, ADS = Question("messages", "email", ("email",)), Question("ads", "any", ("phone", "email"))
WECOM = Question("messages", "wecom", ("external_userid",))
SOURCES = {
    "crm": """
describes: Members.
owner: crm
reads: {path: "crm/{day}.csv", format: csv, optional: [wecom]}
delivers: changes
freshness: {hours: 72}
person:
  - {kind: member, scope: brand, value: member}
  - {kind: phone, value: phone}
  - {kind: email, value: email}
  - {kind: external_userid, scope: w1, value: wecom}
fills:
  people: {display_name: "member", joined_on: "cast('2024-01-01' as date)"}
""",
    "answers": """
describes: Consents.
owner: legal
reads: {path: "answers/{day}.csv", format: csv}
delivers: events
bad_share: 1
freshness: {hours: 72}
person: [{kind: member, scope: brand, value: member}]
fills:
  consents: {purpose: purpose, channel: channel, changed_at: at, state: state}
""",
    "sends": """
describes: What became of messages.
owner: growth
reads: {path: "sends/{day}.csv", format: csv}
delivers: events
freshness: {hours: 720}
person: [{kind: member, scope: brand, value: member}, {kind: email, value: to}]
fills:
  messages: {message_id: id, status: status, at: at, channel: channel}
""",
    "stops": """
describes: Addresses that must never be contacted.
owner: legal
party: third
reads: {path: "stops/{day}.csv", format: csv}
delivers: snapshot
deleted_when: absent
freshness: {hours: 720}
person: [{kind: phone, value: phone}, {kind: email, value: email}, {kind: phone_sha256, value: hash}]
fills:
  suppressions: {purpose: "'any'", channel: channel, reason: "'asked by letter'"}
""",
}
FILES = {
    "crm": "member,phone,email,wecom",
    "answers": "member,purpose,channel,at,state",
    "sends": "id,status,at,channel,member,to",
    "stops": "phone,email,hash,channel",
}


def land(shop, feed, day, *rows):
    """Write a file of a feed, with its header, to landing."""
    shop.land(f"{feed}/{day}.csv", "\n".join([FILES[feed], *rows]) + "\n")


def declared(folder):
    """A retailer with these feeds, each of which has delivered a file without rows, which was ingested."""
    return Retailer.at(template("consents", _without_rows)).copy(folder)


def _without_rows(folder):
    retailer = Retailer(folder)
    for name, text in SOURCES.items():
        retailer.declare(f"sources/{name}.yml", text)
    for feed in FILES:
        land(retailer, feed, DAY)
    took(retailer)
    retailer.close()


def member(number, phone="", email="", wecom=""):
    return f"M{number},{phone},{email or f'm{number}@shop.cn'},{wecom}"


def took(shop, day=DAY):
    """Ingest everything and resolve identities. Returns the context of the day."""
    for step in (*(f"ingest.{name}" for name in SOURCES), "identities"):
        # The step of a late feed fails, but its good rows are published.
        with contextlib.suppress(ContractError):
            shop.run(day, step)
    return shop.context(day)


def customers(context):
    """Member number by customer."""
    ids = context.lake.rows("silver/identifiers", ["person_key", "value", "kind", "source"]).to_pylist()
    names = {row["person_key"]: row["value"] for row in ids if row["kind"] == "member" and row["source"] == "crm"}
    people = context.lake.rows("gold/identities", ["person_key", "customer_id", "valid_to"]).to_pylist()
    current = [row for row in people if row["person_key"] in names and not row["valid_to"]]
    return {row["customer_id"]: names[row["person_key"]] for row in current}


def inside(context, audience, members, held_out=()):
    """Make members part of an audience since the first day, some of them in the holdout."""
    table = context.catalogue.tables["memberships_customer"]
    rows = [
        (audience, one, date.fromisoformat(DAY), None, name in held_out)
        for one, name in customers(context).items()
        if name in members
    ]
    schema = "audience string, customer_id string, entered_on date, left_on date, holdout boolean"
    receipt = Receipt("memberships.customer", str(context.day), context.run_id, "d")
    context.lake.sync(table, context.lake.spark.createDataFrame(rows, schema), receipt)


def reasons(context, question, held_out=(), moment=None):
    """Reason by member and address; None if they may be contacted."""
    spark, names = context.lake.spark, customers(context)
    out = [(customer,) for customer, name in names.items() if name in held_out]
    frame = spark.createDataFrame(out, "customer_id string") if out else None
    everybody = spark.createDataFrame([(customer,) for customer in names], "customer_id string")
    rows = check_consent(context, question, everybody, frame, moment).collect()
    return {(names[row["customer_id"]], row["value"]): row["reason"] for row in rows}
