"""A value that names many people identifies nobody: the next identifier of its rows does, whenever it is noticed."""

from __future__ import annotations

import pytest
from members import CRM

PEOPLE = [("VIP", f"Person {n}", f"1381234{n:04}") for n in range(1, 8)]
OTHERS = [("1", "Ann", "13812349001"), ("2", "Bob", "13812349002")]


def csv(rows):
    return "card,name,phone\n" + "".join(f"{','.join(row)}\n" for row in rows)


def people(retailer):
    return sorted(
        name for name, until in retailer.rows("silver/people", "display_name", "replaced_on") if until is None
    )


def values(retailer):
    rows = retailer.rows("silver/identifiers", "person_key", "value", "replaced_on")
    return sorted(value for _, value, until in rows if until is None)


NAMES = sorted(name for _, name, _ in PEOPLE + OTHERS)
VALUES = sorted(["1", "2", *(f"+86{phone}" for _, _, phone in PEOPLE + OTHERS)])


def test_a_crowded_card_of_the_first_day_gives_way_to_phones(retailer):
    retailer.declare("sources/crm.yml", CRM)
    retailer.land("crm/2024-07-01.csv", csv(PEOPLE + OTHERS))
    outcome = retailer.ingest("crm", "2024-07-01")
    assert people(retailer) == NAMES
    assert values(retailer) == VALUES
    assert "1 value (member) names many people and identifies nobody from now on" in outcome.notes
    assert [row[2:] for row in retailer.rows("gold/identifier_refusals")] == [("member", "names many people", 7)]


@pytest.mark.long
def test_one_row_a_day_gives_the_same_result_which_stays(retailer):
    retailer.declare("sources/crm.yml", CRM)
    for n, row in enumerate(PEOPLE, 1):
        retailer.land(f"crm/2024-07-{n:02}.csv", csv([row, *OTHERS]))
        retailer.ingest("crm", f"2024-07-{n:02}")
    assert people(retailer) == NAMES
    assert values(retailer) == VALUES
    retailer.land("crm/2024-07-09.csv", csv([("VIP", "Person 8", "13812340008")]))
    retailer.ingest("crm", "2024-07-09")
    assert people(retailer) == sorted([*NAMES, "Person 8"])


def test_a_person_of_many_phones_or_many_spellings_stays_one(retailer):
    retailer.declare("sources/crm.yml", CRM)
    phones = [("3", "Cy", phone) for _, _, phone in PEOPLE]
    spellings = [("4", name, "13812349004") for _, name, _ in PEOPLE]
    retailer.land("crm/2024-07-01.csv", csv(phones + spellings))
    retailer.ingest("crm", "2024-07-01")
    assert people(retailer) == ["Cy", "Person 7"]


GIVEN = ("Ann", "Bob", "Cy", "Di", "Eve", "Fay", "Gus", "Hal", "Ida", "Jo", "Kim", "Lou")
TILL = "13612349527"
FORTY = [f"{given} {family}" for family in ("Abel", "Baker", "Cole", "Drew") for given in GIVEN[:10]]
DAYS = [f"2024-07-0{n}" for n in range(1, 5)]
ONE_KIND = CRM.replace("  - {kind: member, scope: b, value: card}\n", "")
ORDERS = """\
  orders: {order_id: card, ordered_at: "'2024-07-01 10:00:00'", kind: "'purchase'", status: "'paid'", amount: "1"}
"""


def crowded(retailer, feed, row):
    """Ingest 40 rows in four days. Returns by day how many identifiers were refused since they name many people."""
    retailer.declare("sources/crm.yml", feed.replace("freshness: none", "freshness: none\nbad_share: 1"))
    for day, names in zip(DAYS, [FORTY[at : at + 10] for at in range(0, 40, 10)], strict=True):
        retailer.land(f"crm/{day}.csv", csv([row(name) for name in names]))
        outcome = retailer.ingest("crm", day)
    assert "10 identifiers refused" in outcome.notes[-1]
    rows = retailer.rows("gold/identifier_refusals", "day", "reason", "rows")
    return {str(day): count for day, reason, count in rows if reason == "names many people"}


def test_the_phone_of_a_till_is_crowded_by_names_alone(retailer):
    ten_a_day = dict.fromkeys(DAYS, 10)
    assert crowded(retailer, CRM, lambda name: ("", name, TILL)) == ten_a_day
    assert f"+86{TILL}" not in values(retailer)


def test_the_only_identifier_of_a_feed_may_be_crowded(retailer):
    feed = CRM.replace("  - {kind: phone, value: phone}\n", "")
    assert crowded(retailer, feed, lambda name: ("散客", name, "")) == dict.fromkeys(DAYS, 10)
    assert values(retailer) == []


def test_many_values_are_a_crowd_where_names_are_mapped_and_missing(retailer):
    assert crowded(retailer, CRM, lambda name: ("VIP", "", f"1381234{FORTY.index(name):04}")) == dict.fromkeys(DAYS, 10)
    assert len(values(retailer)) == 40


def test_a_customer_of_another_feed_is_separated_from_the_phone_of_a_till(retailer):
    retailer.declare("sources/app.yml", ONE_KIND.replace("crm", "app"))
    retailer.declare("sources/crm.yml", ONE_KIND + ORDERS)
    retailer.land(f"app/{DAYS[0]}.csv", csv([("", "Zoe Zed", TILL)]))
    retailer.land(f"crm/{DAYS[0]}.csv", csv([("o", FORTY[0], TILL)]))
    retailer.land(f"crm/{DAYS[1]}.csv", csv([(f"o{n}", name, TILL) for n, name in enumerate(FORTY)]))
    retailer.ingest("app", DAYS[0])
    retailer.ingest("crm", DAYS[0])
    assert len(values(retailer)) == 2
    outcome = retailer.ingest("crm", DAYS[1])
    assert outcome.quarantined == 0
    assert outcome.notes[-1] == "1 value (phone) names many people and identifies nobody from now on"
    assert values(retailer) == [f"+86{TILL}"]
    assert people(retailer) == ["Zoe Zed"]
    orders = retailer.rows("silver/orders", "replaced_on", "person_key")
    assert [person for until, person in orders if until is None] == [None] * 41
