"""Names of all kinds: which may be one person's, which are the same, and which are none."""

import numpy as np
import pytest
from who import Who, rules

from jobs.unify.matching import name_match, names
from jobs.unify.matching.name_match import PART, compatible, parsed

ONE_NAME = rules(kinds={}, rules=[{"share": "phone", "needs": "one_name"}])


def read(told):
    """A full name, or `given | family` in two columns."""
    given, bar, family = (side.strip() or None for side in told.partition("|"))
    found = parsed(given, family, None) if bar else parsed(None, None, told)
    assert found, told
    return found


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Suharto", "Megawati"), ("김민준", "이서연"),
        ("阿凡提·买买提", "阿依古丽·买买提"), ("阿凡提买买提", "阿依古丽买买提"),
        ("राम वर्मा", "रमा वर्मा"), ("राम", "रमा"),
        ("ดี ใจงาม", "ดา ใจงาม"), ("ガク", "カク"), ("김민준", "김민준아이"),
        ("王女士", "李芳"), ("王女士", "王先生"), ("Mrs Smith", "John Brown"), ("王**", "李**"), ("王**", "李芳"),
        ("王*明", "王小亮"), ("*明", "*亮"), ("J*** S***", "Mary Smith"), ("| 王", "李芳"), ("芳 |", "王敏"),
        ("| Smith", "John Smithers"), ("芳女士", "王芳"), ("Na Li", "Min Li"), ("Null | Ann", "Ann | Mary"),
    ],
)  # fmt: skip
def test_names_of_two_people(one, other):
    assert not compatible(read(one), read(other))
    assert not compatible(read(other), read(one))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("王女士", "王芳"), ("王**", "王芳"), ("王*", "王**"), ("王某某", "王芳"),
        ("王*明", "王小明"), ("*小明", "王小明"),
        ("欧阳**", "欧阳娜娜"), ("김**", "김민준"), ("芳 |", "王芳"), ("| 王", "王芳"), ("| Smith", "John Smith"),
        ("John |", "John Smith"), ("John |", "| Smith"), ("Mr Smith", "John Smith"), ("J*** S***", "John Smith"),
        ("John", "John Smith"), ("阿凡提·买买提", "阿凡提买买提"), ("Anna Smith-Jones", "Smith-Jones Anna"),
    ],
)  # fmt: skip
def test_names_that_may_be_one_person_and_are_not_the_same(one, other):
    assert compatible(read(one), read(other)) and compatible(read(other), read(one))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Suharto", "SUHARTO"), ("김 민준", "김민준"),
        ("José García", "Garcia Jose"), ("王芳女士", "王芳"), ("Xi Li", "Li Xi"),
        ("Na | Kim", "Kim Na"),
        ("Christopher Null", "christopher null"), ("Test Pilot", "Pilot, Test"), ("歐陽娜娜", "欧阳娜娜"),
        ("राम वर्मा", "वर्मा राम"), ("Алёна", "Алена"),
    ],
)  # fmt: skip
def test_the_same_name(one, other):
    codes = name_match.numbered([read(one), read(other)], "0123456789abcdef")
    assert codes[0] == codes[1] != 0
    assert codes[0] & 3 != PART


@pytest.mark.parametrize("told", ["Na", "null", "N/A", "Test",
                                  "Test Test", "No Name", "微信用户", "tb12345", "用户8812",
                                  "123456", "a@b.example", "***", "", "—"])  # fmt: skip
def test_no_name(told):
    assert parsed(None, None, told) is None
    assert name_match.numbered([None], "0123456789abcdef") == np.array([0])


def test_marks_of_letters_stay_and_accents_go():
    assert names.words("राम, वर्मा") == "राम वर्मा"
    assert names.words("Ａnna-José Ñ") == "anna jose n"
    assert names.words("ดี") == "ดี"


@pytest.mark.parametrize(
    ("told", "right"),
    [
        (["Suharto", "Megawati"], "0 1"),
        (["Suharto", "Suharto"], "0+1"), (["王**", "李**"], "0 1"), (["王**", "王芳"], "0+1"),
        (["王女士", "王芳", None], "0+1+2"), (["王芳", "王敏", "王**"], "0 1 2"), (["王女士", "王先生"], "0 1"),
        (["王芳", None], "0+1"), (["王芳", "李强", None], "0 1 2"), (["राम", "रमा"], "0 1"),
    ],
)  # fmt: skip
def test_one_name_joins_while_a_phone_shows_names_of_one_person(told, right):
    records = {f"s/{at}": ["phone=1", *([f"name={name}"] if name else [])] for at, name in enumerate(told)}
    ids = Who(ONE_NAME).take(records)
    groups = {}
    for record, customer in ids.items():
        groups.setdefault(customer, []).append(record[2:])
    assert " ".join(sorted("+".join(group) for group in groups.values())) == right


def test_a_part_of_a_name_is_never_the_same_as_another():
    same = rules(kinds={}, rules=[{"share": "phone", "needs": "same_name"}])
    for name in ("王女士", "王**"):
        assert len(set(Who(same).take({f"s/{at}": ["phone=1", f"name={name}"] for at in range(2)}).values())) == 2


def test_two_logins_on_one_phone_years_apart_are_two_people_unless_a_name_says_more():
    house = rules()
    far = {"s/1": ["openid:a=x@0", "phone=1@0"], "s/2": ["openid:a=y@1200", "phone=1@1200"]}
    assert len(set(Who(house).take(far).values())) == 2
    near = {"s/1": ["openid:a=x@0", "phone=1@0"], "s/2": ["openid:a=y@100", "phone=1@100"]}
    assert len(set(Who(house).take(near).values())) == 1
    one_login = {"s/1": ["member:a=x@0", "phone=1@0"], "s/2": ["openid:a=y@1200", "phone=1@1200"]}
    assert len(set(Who(house).take(one_login).values())) == 1
    named = {key: [*told, "name=王芳"] for key, told in far.items()}
    assert len(set(Who(house).take(named).values())) == 1
