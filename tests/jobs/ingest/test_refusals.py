"""Refused identifiers are counted by day, kind and reason, reported in the summary, and never shown."""

from __future__ import annotations

from members import CRM

ROWS = """\
card,name,phone
\\N,Ann,13812340001
(null),Bob,13812340002
1.00E+10,Cy,13812340003
70012.0,Di,138****0004
5,Eve,13800138000
6,Fay,
"""


def test_refused_identifiers_are_counted_and_reported(retailer):
    retailer.declare("sources/crm.yml", CRM)
    retailer.land("crm/2024-07-01.csv", ROWS)
    outcome = retailer.ingest("crm", "2024-07-01")
    assert outcome.notes == (
        "5 identifiers refused, member: placeholder (2); member: digits are lost (1); phone: masked (1);"
        " phone: no valid value of its kind (1)",
    )
    counted = [("crm", str(day), *rest) for _, day, *rest in retailer.rows("gold/identifier_refusals")]
    assert counted == [
        ("crm", "2024-07-01", "member", "digits are lost", 1),
        ("crm", "2024-07-01", "member", "placeholder", 2),
        ("crm", "2024-07-01", "phone", "masked", 1),
        ("crm", "2024-07-01", "phone", "no valid value of its kind", 1),
    ]
    assert ("member", "70012") in retailer.rows("silver/identifiers", "kind", "value")


def test_a_day_that_is_sent_again_is_counted_again(retailer):
    retailer.declare("sources/crm.yml", CRM)
    retailer.land("crm/2024-07-01.csv", ROWS)
    retailer.ingest("crm", "2024-07-01")
    retailer.land("crm/2024-07-01.csv", ROWS.replace("\\N", "1").replace("(null)", "2").replace("1.00E+10", "3"))
    retailer.ingest("crm", "2024-07-02")
    assert [row[2:] for row in retailer.rows("gold/identifier_refusals")] == [
        ("phone", "masked", 1), ("phone", "no valid value of its kind", 1),
    ]  # fmt: skip
