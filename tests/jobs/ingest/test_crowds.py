"""A value that names many people names nobody: the next identifier of its rows does, on whatever day it is noticed."""

from __future__ import annotations

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


def test_from_the_first_day_on(retailer):
    retailer.declare("sources/crm.yml", CRM)
    retailer.land("crm/2024-07-01.csv", csv(PEOPLE + OTHERS))
    outcome = retailer.ingest("crm", "2024-07-01")
    assert people(retailer) == NAMES
    assert values(retailer) == VALUES
    assert "1 values (member) name many people, and nobody from now on" in outcome.notes
    assert [row[2:] for row in retailer.rows("gold/identifier_refusals")] == [("member", "names many people", 7)]


def test_one_row_a_day_comes_to_the_same_and_stays_so(retailer):
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
