"""Third-party attributes are joined by hash, for customers whose consent covers the purpose, and mint no customers."""

import hashlib
from datetime import date

PHONES = {"ann": "13800138001", "bob": "13800138002", "cid": "13800138003", "eve": "13800138005"}
CRM = """
describes: Members.
owner: e
reads: {path: "crm/{day}.csv", format: csv}
delivers: changes
freshness: {hours: 72}
person:
  - {kind: member, scope: brand, value: card}
  - {kind: phone, value: phone}
fills:
  people: {display_name: "card"}
  consents:
    where: "ads in ('granted', 'withdrawn')"
    purpose: "'ads'"
    channel: "'any'"
    changed_at: "at"
    state: "ads"
"""
VENDOR = """
describes: What a vendor sells.
owner: e
reads: {path: "vendor/{day}.csv", format: csv}
delivers: changes
freshness: none
party: third
person:
  - {kind: phone_sha256, value: phone_sha256}
fills:
  attributes: {attribute: "name", value: "value", said_on: "said_on", licence: "'L1'", purpose: "purpose"}
"""


def hashed(who):
    return hashlib.sha256(f"+86{PHONES[who]}".encode()).hexdigest()


def test_attributes_reach_only_customers_who_agreed_to_the_purpose(retailer):
    retailer.declare("sources/crm.yml", CRM)
    retailer.declare("sources/vendor.yml", VENDOR)
    members = ["card,phone,ads,at"]
    members += [
        f"ann,{PHONES['ann']},granted,2024-06-01 10:00:00",
        f"bob,{PHONES['bob']},withdrawn,2024-06-01 10:00:00",
    ]
    members += [f"cid,{PHONES['cid']},granted,2024-06-01 10:00:00"]
    retailer.land("crm/2024-07-01.csv", "\n".join(members) + "\n")
    lines = ["phone_sha256,name,value,said_on,purpose"]
    lines += [f"{hashed('ann')},car,Y,2024-05-01,ads", f"{hashed('ann')},car,N,2023-05-01,ads"]
    lines += [f"{hashed('ann')},pet,Y,2024-05-01,analytics", f"{hashed('ann')},home,90,2020-05-01,ads"]
    lines += [f"{hashed('bob')},car,Y,2024-05-01,ads"]
    lines += [f"{hashed('cid')},car,Y,2024-05-01,ads", f"{hashed('cid')},car,N,2024-05-01,ads"]
    lines += [f"{hashed('cid')},pet,N,2024-05-01,ads", f"{hashed('eve')},car,Y,2024-05-01,ads"]
    retailer.land("vendor/2024-07-01.csv", "\n".join(lines) + "\n")
    steps = ("ingest.crm", "ingest.vendor", "identities", "customers", "customer_attributes")
    retailer.run("2024-07-01", *steps)
    # Four persons of the vendor's list are in silver, and three customers only.
    assert len({row[0] for row in retailer.rows("silver/attributes", "person_key")}) == 4
    assert len(retailer.rows("gold/customers", "customer_id")) == 3
    rows = retailer.rows("gold/customer_attributes", "attribute", "value", "said_on", "purpose")
    # Ann: the newest, for the purpose she agreed to, nothing stale. Cid: nothing where the vendor contradicts itself.
    assert rows == [("car", "Y", date(2024, 5, 1), "ads"), ("pet", "N", date(2024, 5, 1), "ads")]
