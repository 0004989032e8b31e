"""Many names or many other values are a crowd of people; one person, a family and a wholesaler are not."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from jobs.ingest.checks.crowd_measure import Evidence, Row, is_crowd, name_of

FIRST = date(2024, 7, 1)
WHOLE = [f"{given} {family}" for family in ("Abel", "Baker", "Cole", "Drew") for given in
         ("Ann", "Bob", "Cy", "Di", "Eve", "Fay", "Gus", "Hal", "Ida", "Jo")]  # fmt: skip
SPELLINGS = ["Ann Lee", "LEE ANN", "ann  lee", "Ann", "Ms Lee", "Ánn Lee", "Mrs. Lee", "Lee, Ann"]


def row(day=0, name="", **others):
    return Row(FIRST + timedelta(days=day), name_of((None, None, name or None)), others)


CROWDS = {
    "40 names": [row(name=name) for name in WHOLE],
    "40 names, one a day": [row(day, name) for day, name in enumerate(WHOLE)],
    "40 names with numbers": [row(name=f"Person {n}") for n in range(40)],
    "40 masked names": [row(name=f"{name[:3]}{name[-4:]}*") for name in WHOLE],
    "40 e-mails, no name": [row(email=f"u{n}@b.cn") for n in range(40)],
    "11 e-mails on a day, no name": [row(email=f"u{n}@b.cn") for n in range(11)],
    "6 names and 6 e-mails": [row(n, name, email=f"u{n}@b.cn") for n, name in enumerate(WHOLE[:6])],
    "40 names, of which one tells an e-mail": [row(name=WHOLE[0], email="u@b.cn"), *(row(name=name) for name in WHOLE)],
}
NO_CROWDS = {
    "a family of 5": [row(name=name) for name in WHOLE[:5]] * 2,
    "a family of 5 with e-mails": [row(name=name, email=f"{n}@b.cn") for n, name in enumerate(WHOLE[:5])],
    "a person of 6 e-mails": [row(email=f"u{n}@b.cn") for n in range(6)],
    "a person of 40 e-mails and one name": [row(name="Ann Lee", email=f"u{n}@b.cn") for n in range(40)],
    "a wholesale customer": [row(n, "Ann Lee") for n in range(500)],
    "spellings of one name": [row(name=name, email=f"u{n}@b.cn") for n, name in enumerate(SPELLINGS)],
    "nameless rows": [row(name=name) for name in ("微信用户", "N/A", "", "tb12345", "用户778", "Guest 7")] * 9,
    "40 receivers of one e-mail": [row(name=name, email="u@b.cn") for name in WHOLE],
    "a nickname that changes": [row(day, name) for day, name in enumerate(WHOLE[:20])],
}


@pytest.mark.parametrize("case", CROWDS)
def test_many_people_are_a_crowd(case):
    assert is_crowd(Evidence(CROWDS[case]), 4)


@pytest.mark.parametrize("case", NO_CROWDS)
def test_one_person_and_a_family_are_no_crowd(case):
    assert not is_crowd(Evidence(NO_CROWDS[case]), 4)


def test_evidence_of_earlier_days_counts():
    names = [name for text in WHOLE[:9] if (name := name_of((None, None, text)))]
    today = [row(name=text) for text in WHOLE[9:11]]
    assert is_crowd(Evidence(today, names), 4)
    assert not is_crowd(Evidence(today, names, [("email", "u@b.cn")]), 4)
