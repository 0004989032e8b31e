"""One implementation of how identifiers are normalised, and what is refused as no identifier at all."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.unify import normalise
from jobs.unify.normalise import folded, identified, keyed

KEY = b"key"


def phone(text, region="CN"):
    return normalise.normalise("phone", text, region)


@pytest.mark.parametrize(
    "text",
    ["13812345679", "138 1234 5679", "138-1234-5679", "+8613812345679", "008613812345679", "+86 138 1234 5679",
     "１３８１２３４５６７９", "＋８６ １３８１２３４５６７９", "\u200b13812345679 ", "(138) 12345679"],
)  # fmt: skip
def test_one_phone_however_it_is_written(text):
    assert phone(text) == "+8613812345679"


@pytest.mark.parametrize(
    ("text", "region", "found"),
    [
        ("020 7946 0018", "GB", "+442079460018"),
        ("+44 20 7946 0018", "CN", "+442079460018"),
        ("13812345679", "GB", None),
        ("021-64315678", "CN", "+862164315678"),
    ],
)
def test_the_region_decides_where_no_country_is_given(text, region, found):
    assert phone(text, region) == found


@pytest.mark.parametrize(
    "text",
    ["", " ", "none", "无", "12345", "138123456789012", "13800138000", "13800000000", "13888888888", "13812345678",
     "13811111111", "M100003", "0", "00000000000"],
)  # fmt: skip
def test_what_is_no_phone_or_a_dummy_is_refused(text):
    assert phone(text) is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Ann@Example.com", "ann@example.com"),
        (" ann@example.com ", "ann@example.com"),
        ("ａｎｎ＠ｅｘａｍｐｌｅ．ｃｏｍ", "ann@example.com"),
        ("ann.lee+shop@mail.example.co.uk", "ann.lee+shop@mail.example.co.uk"),
        ("ann@example", None),
        ("ann@@example.com", None),
        ("ann example.com", None),
        ("a@b.com, c@d.com", None),
        ("none@example.com", None),
        ("noreply@example.com", None),
        ("test@example.com", None),
        ("xxx@example.com", None),
        ("123456@example.com", None),
        ("ann@-example.com", None),
        ("a" * 250 + "@example.com", None),
    ],
)
def test_mail_addresses(text, found):
    assert normalise.normalise("email", text, "CN") == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("M100003", "M100003"),
        (" Ｍ１００００３　", "M100003"),
        ("m100003", "m100003"),
        ("17850", "17850"),
        ("微信用户", "微信用户"),
        ("0", None),
        ("0000", None),
        ("1111", None),
        ("7", "7"),
        ("N/A", None),
        ("null", None),
        ("未知", None),
        ("-", None),
        ("\u3000", None),
        (None, None),
    ],
)
def test_members_and_the_rest_keep_their_case_and_lose_their_width(text, found):
    assert normalise.normalise("member", text, "CN") == found


@given(st.text(max_size=30), st.sampled_from(["phone", "email", "member", "openid"]))
def test_what_was_normalised_stays_as_it_is(text, kind):
    once = normalise.normalise(kind, text, "CN")
    assert once is None or normalise.normalise(kind, once, "CN") == once


@given(st.text(max_size=30))
def test_folding_is_settled_after_once(text):
    assert folded(folded(text)) == folded(text)


def test_the_strongest_identifier_that_is_left_names_the_person():
    identify = identified("pos", [("member", "brand"), ("phone", "")], "CN", KEY)
    found = identify(
        pd.Series(["M1", None, "N/A", None, "M1"]),
        pd.Series(["13812345679", "138 1234 5679", "13812345679", "0", None]),
    )
    assert list(found["id0"]) == ["M1", None, None, None, "M1"]
    assert list(found["id1"]) == ["+8613812345679", "+8613812345679", "+8613812345679", None, None]
    keys = list(found["person_key"])
    assert keys[0] == keys[4] == keyed(KEY, "pos", "member", "brand", "M1")
    assert keys[1] == keys[2] == keyed(KEY, "pos", "phone", "", "+8613812345679")
    assert keys[3] is None


def test_a_person_key_tells_nothing_and_differs_by_source_scope_and_key():
    found = {
        keyed(KEY, "pos", "member", "a", "M1"), keyed(KEY, "crm", "member", "a", "M1"),
        keyed(KEY, "pos", "member", "b", "M1"), keyed(b"other", "pos", "member", "a", "M1"),
        keyed(KEY, "pos", "membera", "", "M1"),
    }  # fmt: skip
    assert len(found) == 5
    assert all(len(key) == 32 and "M1" not in key for key in found)


def test_it_works_where_our_packages_are_not(tmp_path):
    """Workers get the module by value and need not have our code."""
    (tmp_path / "shipped.py").write_text(Path(normalise.__file__).read_text())
    code = "import shipped, sys; print(shipped.phone('13812345679', 'CN')); assert 'quanyu' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "+8613812345679"), done.stderr
