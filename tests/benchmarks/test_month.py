"""The oracle of the month: who may get e-mail, from landing files alone."""

import random
from datetime import datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.month.landing import REFUSED
from benchmarks.month.oracle import OracleFacts
from benchmarks.month.plan import CALM, STORMY, by_hand, plan
from benchmarks.month.server import FAULTS, SOUND

MEMBERS = """
    ann | ann@x.org  | 13811112222 |
    bob | home@x.org | 13811113333 |
    cat | home@x.org |             |
    dan | dan@x.org  |             |
    eve |            |             | dan
"""
CONSENTS = "subject_kind,subject,purpose,channel,state,changed_at\n"


def landed(folder, consents, events=(), listed=()):
    rows = [[cell.strip() or None for cell in line.split("|")] for line in MEMBERS.strip().splitlines()]
    names = ("member_no", "email", "phone", "merged_into")
    members = [dict(zip(names, row, strict=True), updated_at=datetime(2024, 1, 1)) for row in rows]
    texts = {
        "consents": CONSENTS + "".join(f"{kind},{who},messages,{rest}\n" for kind, who, rest in consents),
        "mail_events": "status,at,member_no,email\n" + "\n".join(events),
        "stop_list": "email\n" + "\n".join(listed),
    }
    for feed, text in texts.items():
        (folder / feed / "2024-01-01").mkdir(parents=True)
        (folder / feed / "2024-01-01" / "file.csv").write_text(text)
    (folder / "sends").mkdir()
    (folder / "crm" / "2024-01-01").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(members), folder / "crm" / "2024-01-01" / "members.parquet")
    return OracleFacts.read(folder)


YES = "any,Y,2024-01-01 09:00:00"


@pytest.mark.parametrize(
    ("address", "consents", "right"),
    [
        ("ann@x.org", [("member", "ann", YES)], ""),
        ("ann@x.org", [("member", "ann", "sms,Y,2024-01-01 09:00:00")], "no consent"),
        ("ann@x.org", [("member", "ann", YES), ("member", "ann", "email,N,2024-01-01 09:00:00")], "withdrawn"),
        ("ann@x.org", [("member", "ann", YES), ("phone", "13811112222", "any,N,2023-01-01 09:00:00")], "withdrawn"),
        ("home@x.org", [("member", "bob", YES), ("member", "cat", "any,N,2023-01-01 09:00:00")], "withdrawn"),
        ("dan@x.org", [("member", "dan", YES), ("member", "eve", "any,N,2023-01-01 09:00:00")], "withdrawn"),
        ("ann@x.org", [("member", "ann", YES), ("member", "ann", "any,n,2024-01-02 09:00:00")], "cannot be read"),
    ],
)
def test_the_strictest_record_that_shows_an_address_decides(tmp_path, address, consents, right):
    assert right in (reason := landed(tmp_path, consents).why_not(address)) and bool(right) == bool(reason)


@pytest.mark.parametrize(
    ("event", "right"),
    [
        ("unsubscribed,2024-01-02 09:00:00,,ANN@x.org", "unsubscribed"),
        ("complained,2024-01-02 09:00:00,ann,", "complained"),
        ("complained,2023-01-02 09:00:00,ann,", ""),
        ("bounced,2023-01-02 09:00:00,ann,", "bounced"),
        ("delivered,2024-01-02 09:00:00,ann,", ""),
    ],
)
def test_what_the_mail_system_said_ends_an_address_until_its_owner_consents_anew(tmp_path, event, right):
    assert landed(tmp_path, [("member", "ann", YES)], [event]).why_not("ann@x.org") == right


def test_a_list_outranks_every_consent(tmp_path):
    facts = landed(tmp_path, [("member", "ann", YES)], listed=["Ann@x.org"])
    assert "list" in facts.why_not("ann@x.org")


def test_every_fault_and_incident_has_its_day():
    days = plan(by_hand(), random.Random(7))
    assert sorted(day.incident for day in days if day.incident) == sorted((*CALM, *STORMY))
    assert {day.fault.name for day in days} == {fault.name for fault in (*FAULTS, SOUND)}
    assert (days[REFUSED].incident, days[REFUSED].fault) == ("", SOUND)
