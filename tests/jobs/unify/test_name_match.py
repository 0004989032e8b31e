"""Names of all kinds: which may belong to one person, which are equal, and which are no names."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from who import Who, rules

from examples import examples
from jobs.unify.matching import name_match, names
from jobs.unify.matching.name_match import PART, WHOLE, compatible, parsed

ONE_NAME = rules(kinds={}, rules=[{"share": "phone", "needs": "one_name"}])


def read(text):
    """A full name, or `given | family` in two columns."""
    given_name, bar, family_name = (side.strip() or None for side in text.partition("|"))
    name = parsed(given_name, family_name, None) if bar else parsed(None, None, text)
    assert name, text
    return name


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
        ("欧阳先生", "欧阳女士"), ("司马先生", "司马女士"), ("歐陽先生", "欧阳太太"), ("欧女士", "欧阳娜"),
        ("欧女士", "欧阳女士"),
        ("王哥", "王姐"), ("王叔", "王阿姨"), ("Smith, Mrs.", "Mr Smith"), ("王大爷", "王奶奶"),
        ("J*** S***", "Jane Doe"), ("J*** S***", "J*** D***"), ("王*明", "王大强"), ("王*明*", "王大强"),
        ("王*明*", "王*强*"),
        ("王*明", "王明"), ("김*준", "김민수"), ("J*h* Smith", "James Smith"), ("Ann M*** Lee", "Ann Kim Lee"),
        ("杨林", "林杨"), ("芳王", "王芳"), ("芳 王", "王 芳"), ("준김", "김준"), ("林 | 杨", "杨 | 林"),
        ("古丽●艾山", "阿依●艾山"), ("王○明", "王小亮"), ("王总", "李强"), ("小王", "李强"), ("王X", "李芳"),
        ("王某", "李某"),
        ("王小明", "王强"), ("小芳", "小敏"),
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
        ("欧阳女士", "欧阳娜"), ("欧阳", "欧阳娜"), ("欧阳", "欧阳女士"), ("司马先生", "司马*"), ("| 欧阳", "欧阳娜"),
        *((title, "王强") for title in (
            "王总", "王老板", "王哥", "王医生", "王教授", "王老师", "王工", "王主任", "王经理", "王叔", "小王",
            "老王", "阿王", "王X",
            "王XX", "王xx", "王Ｘ", "王××", "王○○", "王●●", "王..", "王…", "王?", "王某", "王某某", "王某人",
            "王同学", "王總", "王經理",
            "小王总", "王先生（代收）", "王先生2", "vip王先生", "客户王先生", "王 先生", "先生 | 王", "总 | 王",
            "| 小王", "王总 |",
        )),
        ("王姐", "王芳"), ("王阿姨", "王芳"), ("王工", "王姐"), ("欧阳总", "欧阳娜"), ("小欧阳", "欧阳娜"),
        ("呼延先生", "呼延娜"),
        ("김사장님", "김민준"),
        ("김여사", "김민준"), ("김OO", "김민준"), ("Smith, Mrs.", "Ann Smith"), ("Mr.Smith", "John Smith"),
        ("J*** S***", "Smith John"), ("J*** S***", "| Smith"), ("J*** S***", "S. J***s"), ("*** Smith", "John Smith"),
        ("王*明*", "王小明亮"), ("王**", "王女士"), ("王女士", "王大*"), ("王○明", "王小明"), ("| 山田", "山田太郎"),
        ("太郎 | 山田", "山田太郎"), ("古丽 | 艾山", "古丽·艾山"), ("女士 | 王芳", "王芳"),
        ("John", "John Smith"), ("Anna Smith-Jones", "Smith-Jones Anna"),
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
        *((f"古丽{dot}艾山", spelling) for dot in "·•・●.‧∙．･○⋅ㆍ" for spelling in ("古丽·艾山", "古丽艾山")),
        ("阿凡提·买买提", "阿凡提买买提"), ("阿凡提●买买提", "阿凡提．买买提"), ("欧阳娜女士", "欧阳娜"),
        ("阳娜 | 欧", "欧阳娜"),
        ("王 芳", "王芳"), ("芳 | 王", "王芳"), ("Wang Fang", "Fang Wang"), ("王小明", "王小明老师"),
        ("会员王芳", "王芳"),
        ("王芳女士 | ", "王芳"), ("小芳", "小芳"), ("José●García", "Jose Garcia"), ("𠮷田太郎", "𠮷田 太郎"),
    ],
)  # fmt: skip
def test_the_same_name(one, other):
    codes = name_match.name_codes([read(one), read(other)], "0123456789abcdef")
    assert codes[0] == codes[1] != 0
    assert codes[0] & 3 != PART


@pytest.mark.parametrize("text", ["Na", "null", "N/A", "Test",
                                  "Test Test", "No Name", "微信用户", "tb12345", "用户8812",
                                  "123456", "a@b.example", "***", "", "—",
                                  "散客", "收银员", "淘宝会员", "會員", "顾客", "匿名", "测试", "测试1", "测试用户",
                                  "VIP客户", "VIP", "新客户",
                                  "Mr.", "mrs", "Miss", "先生", "女士", "小姐", "老师", "经理", "某某", "某先生",
                                  "匿名女士", "店员", "客服", "xxx",
                                  "Walk-in", "Guest 12", "고객님", "ゲスト", "●●", "138****2101"])  # fmt: skip
def test_no_name(text):
    assert parsed(None, None, text) is None
    assert name_match.name_codes([None], "0123456789abcdef") == np.array([0])


@pytest.mark.parametrize("column", ["先生 |", "| 女士", "Mr. |", "散客 |", "| Guest"])
def test_a_title_or_a_placeholder_in_a_column_is_no_name(column):
    given_name, _, family_name = (side.strip() or None for side in column.partition("|"))
    assert parsed(given_name, family_name, None) is None
    assert names.parts(given_name, family_name, None) == (None, None)


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("欧阳女士", (None, "欧阳")), ("小王", (None, "王")), ("王工", (None, "王")), ("王XX", (None, "王")),
        ("王小明", ("小明", "王")), ("古丽·艾山", ("丽艾山", "古")), ("阿凡提．买买提", ("阿凡提", "买买提")),
        ("散客", (None, None)),
        ("J*** S***", (None, None)), ("Mr. Smith", (None, "smith")),
    ],
)  # fmt: skip
def test_the_match_score_compares_the_same_parts(text, right):
    assert names.parts(None, None, text) == right


TOLD = st.text(st.sampled_from("王欧阳林杨古丽明芳李·●*某总小女士 "), min_size=1, max_size=5) | st.sampled_from(
    ["J*** S***", "John Smith", "Smith John", "Mr Smith", "S*** J***", "John", "J. Smith", "王XX", "王女士", "欧女士"]
)


@examples(300)
@given(TOLD, TOLD, TOLD)
def test_compatibility_is_symmetric_and_the_same_for_equal_names(one, other, third):
    parsed_names = [name for name in (parsed(None, None, text) for text in (one, other, third)) if name]
    for left, right in itertools.combinations(parsed_names, 2):
        assert compatible(left, right) == compatible(right, left)
        if left.form == right.form == WHOLE:
            assert compatible(left, right) == (left.key == right.key)
        if left.key == right.key and left.form == right.form:
            assert all(compatible(left, name) == compatible(right, name) for name in parsed_names)


def test_marks_of_letters_stay_and_accents_go():
    assert names.words("राम, वर्मा") == "राम वर्मा"
    assert names.words("Ａnna-José Ñ") == "anna jose n"
    assert names.words("ดี") == "ดี"


@pytest.mark.parametrize(
    ("shown_names", "right"),
    [
        (["Suharto", "Megawati"], "0 1"),
        (["Suharto", "Suharto"], "0+1"), (["王**", "李**"], "0 1"), (["王**", "王芳"], "0+1"),
        (["王女士", "王芳", None], "0+1+2"), (["王芳", "王敏", "王**"], "0 1 2"), (["王女士", "王先生"], "0 1"),
        (["王芳", None], "0+1"), (["王芳", "李强", None], "0 1 2"), (["राम", "रमा"], "0 1"),
        (["欧阳先生", "欧阳女士"], "0 1"), (["欧阳女士", "欧阳娜"], "0+1"), (["J*** S***", "Jane Doe"], "0 1"),
        (["杨林", "林杨"], "0 1"),
        (["古丽·艾山", "古丽艾山", "古丽●艾山"], "0+1+2"), (["散客", "王芳", "顾客"], "0+1+2"),
        (["小王", "王强"], "0+1"),
    ],
)  # fmt: skip
def test_one_name_joins_while_a_phone_shows_names_of_one_person(shown_names, right):
    records = {f"s/{at}": ["phone=1", *([f"name={name}"] if name else [])] for at, name in enumerate(shown_names)}
    ids = Who(ONE_NAME).take(records)
    groups = {}
    for record, customer in ids.items():
        groups.setdefault(customer, []).append(record[2:])
    assert " ".join(sorted("+".join(group) for group in groups.values())) == right


def test_a_part_of_a_name_is_never_the_same_as_another():
    same = rules(kinds={}, rules=[{"share": "phone", "needs": "same_name"}])
    for name in ("王女士", "王**", "王总", "老王", "王XX", "王某某", "王工", "欧阳"):
        assert len(set(Who(same).take({f"s/{at}": ["phone=1", f"name={name}"] for at in range(2)}).values())) == 2


def test_two_logins_on_one_phone_years_apart_are_two_people_unless_a_name_says_more():
    house = rules()
    far = {"s/1": ["openid:a=x@0", "phone=1@0"], "s/2": ["openid:a=y@1200", "phone=1@1200"]}
    assert len(set(Who(house).take(far).values())) == 2
    near = {"s/1": ["openid:a=x@0", "phone=1@0"], "s/2": ["openid:a=y@100", "phone=1@100"]}
    assert len(set(Who(house).take(near).values())) == 1
    one_login = {"s/1": ["member:a=x@0", "phone=1@0"], "s/2": ["openid:a=y@1200", "phone=1@1200"]}
    assert len(set(Who(house).take(one_login).values())) == 1
    named = {key: [*values, "name=王芳"] for key, values in far.items()}
    assert len(set(Who(house).take(named).values())) == 1
