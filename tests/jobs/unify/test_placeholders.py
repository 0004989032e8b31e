"""Values that identify nobody in any kind: masks, highest numbers of columns, dummy addresses; and text forms."""

import pytest

from quanyu.identifiers import normalise, placeholders
from quanyu.model.people import KINDS


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "text",
    [
        "w***g@qq.com",
        "****@qq.com",
        "138****5679",
        "M1**2",
        "张*",
        "oQ●●●●xY",
        "1101********1234",
        "＊1",
        "138××××5679",
    ],
)
def test_masked_values_are_refused_in_any_kind(kind, text):
    assert normalise.normalise(kind, text, "CN") is None
    assert placeholders.reason(text) == placeholders.MASKED


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "text",
    ["65535", "2147483647", "4294967295", "9223372036854775807", "18446744073709551615", "-32768", "-65535",
     "-2147483648", "-2147483647", "-4294967295", "-9223372036854775808", "2147483647.0", "-2147483648.0",
     "4.294967295E9"],
)  # fmt: skip
def test_the_highest_integers_of_a_column_are_refused_in_any_kind(kind, text):
    assert normalise.normalise(kind, text, "US") is None or (kind == "nick" and not text.removeprefix("-").isdigit())
    assert placeholders.reason(text) == placeholders.PLACEHOLDER


def test_integers_next_to_the_highest_are_accepted():
    for text in ("65534", "65536", "2147483646", "214748364", "4294967296", "9223372036854775806"):
        assert normalise.normalise("member", text, "CN") == text
    assert normalise.normalise("phone", "+1 214-748-3647", "US") is None
    assert normalise.normalise("phone", "+1 214-748-3646", "US") == "+12147483646"


@pytest.mark.parametrize(
    "text",
    ["asdf@asdf.com", "admin@admin.com", "user@user.com", "qq@qq.com", "email@email.co.uk", "user@example.com",
     "your.name@example.org", "name@shop.example", "ann@b.invalid", "ann@shop.test", "ann@a.localhost",
     "deleted-1234@b.com", "deleted@b.com", "anonymized_7@b.com"],
)  # fmt: skip
def test_reserved_and_dummy_addresses_are_refused(text):
    assert normalise.normalise("email", text, "CN") is None


@pytest.mark.parametrize(
    "text",
    ["jane14@example.com", "qq1@qq.com", "asdf@asdfg.com", "deletedscenes@b.com", "user@shop.com", "a@test.com",
     "ann@invalid.com", "ann@mail.example", "wang@wangs.cn"],
)  # fmt: skip
def test_addresses_that_only_look_like_dummies_are_accepted(text):
    assert normalise.normalise("email", text, "CN") == text


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("email", "'wang@qq.com", "wang@qq.com"), ("email", "=wang@qq.com", "wang@qq.com"),
        ("email", '="wang@qq.com"', "wang@qq.com"), ("email", "wang@qq.com'", None),
        ("member", '="0012"', "0012"), ("member", "'0014", "0014"), ("member", "=0012", "0012"),
        ("member", '= " 0012 "', "0012"), ("member", "＇0014", "0014"), ("member", "'null'", None),
        ("member", "'-1", None), ("member", "=", None), ("member", "A'1", "A'1"), ("member", "'A1'", "'A1'"),
        ("phone", "'13812340101", "+8613812340101"), ("phone", '="13812340101"', "+8613812340101"),
        ("phone", "'+86 138 1234 0101", "+8613812340101"), ("nick", "'小鱼", "小鱼"),
    ],
)  # fmt: skip
def test_the_text_form_of_spreadsheets_is_read_as_what_it_shows(kind, text, expected):
    assert normalise.normalise(kind, text, "CN") == expected
