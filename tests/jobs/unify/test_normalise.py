"""How identifiers are normalised, and what is refused."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark import cloudpickle

from quanyu.identifiers import normalise, placeholders
from quanyu.identifiers.normalise import folded, keyed_hash
from quanyu.identifiers.persons import person_key_function, send_code_to_workers
from quanyu.model.people import KINDS

KEY = b"key"
VECTORS = Path(os.environ.get("QUANYU_VECTORS", "../shared/vectors")) / "hash_vectors.jsonl"


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
    ("text", "region", "expected"),
    [
        ("020 7946 0018", "GB", "+442079460018"),
        ("+44 20 7946 0018", "CN", "+442079460018"),
        ("13812345679", "GB", None),
        ("021-64315678", "CN", "+862164315678"),
    ],
)
def test_the_region_decides_where_no_country_is_given(text, region, expected):
    assert phone(text, region) == expected


@pytest.mark.parametrize(
    "text",
    ["", " ", "none", "无", "12345", "138123456789012", "13800138000", "13800000000", "13888888888", "13812345678",
     "13811111111", "M100003", "0", "00000000000"],
)  # fmt: skip
def test_what_is_no_phone_or_a_dummy_is_refused(text):
    assert phone(text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
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
def test_mail_addresses(text, expected):
    assert normalise.normalise("email", text, "CN") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
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
def test_members_and_the_rest_keep_their_case_and_lose_their_width(text, expected):
    assert normalise.normalise("member", text, "CN") == expected


@pytest.mark.parametrize(
    "text",
    ["138****5679", "13765432101-8812", "13765432101转8812", "13765432101 转 12", "021-64315678-803", "400-820-8820",
     "+1 800 356 9377", "+1-800-FLOWERS", "13765432101 ext. 5", "电话13765432101", "95588"],
)  # fmt: skip
def test_masked_relayed_and_service_numbers_are_refused(text):
    assert phone(text) is None


@pytest.mark.parametrize(
    "text",
    [r"\N", "(null)", "[NULL]", "<null>", "'null'", "[object Object]", "#N/A", "#REF!", "#DIV/0!", "guest", "Anonymous",
     "-1", "-999", "-1.0", "0.0", "true", "FALSE", "NaN", "None", "undefined", "00000000-0000-0000-0000-000000000000",
     "ffffffff-ffff-ffff-ffff-ffffffffffff", "{{user_id}}", "${id}", "%s", "{}", "[]", '""', "n.a.", "-", "--",
     "\uff0d"],
)  # fmt: skip
@pytest.mark.parametrize("kind", KINDS)
def test_placeholders_of_programs_are_refused_in_any_kind(kind, text):
    assert normalise.normalise(kind, text, "CN") is None
    assert placeholders.reason(text) == placeholders.PLACEHOLDER


@pytest.mark.parametrize(
    "text",
    [
        "1.00E+10",
        "6.22E+18",
        "1,00E+10",
        "1E+10",
        "9007199254740992.0",
        "1.0000000000000000E16",
        "622848000000000000.0",
    ],
)
@pytest.mark.parametrize("kind", ["member", "phone", "customer_no", "openid", "device", "national_id", "ouid"])
def test_a_number_that_lost_digits_is_refused(kind, text):
    assert normalise.normalise(kind, text, "CN") is None
    assert placeholders.reason(text) == placeholders.DAMAGED


@pytest.mark.parametrize(
    "text", ["13812340101.0", "13812340101.00", "1.3812340101E10", "1.3812340101e+10", "１３８１２３４０１０１．０"]
)
@pytest.mark.parametrize("region", ["CN", "DE", "AT", "BR", "US", "GB"])
def test_a_whole_number_read_as_a_double_is_itself_in_every_region(text, region):
    assert phone(text, region) == phone("13812340101", region)
    assert normalise.normalise("member", text, region) == "13812340101"


@pytest.mark.parametrize(
    "text", ["12E45", "5E10", "1.2.0", "v1.0", "20.01", "1.0.0", "7", "r0", "A-1", "-A1", "a_null", "Nullarbor"]
)
def test_codes_that_only_look_like_damage_are_accepted(text):
    assert normalise.normalise("member", text, "CN") == text
    assert normalise.normalise("customer_no", text, "CN") == text


@pytest.mark.parametrize(("text", "expected"), [
    ("ba..z@docomo.ne.jp", "ba..z@docomo.ne.jp"), ("bar.@docomo.ne.jp", "bar.@docomo.ne.jp"),
    ("info@münchen.de", "info@xn--mnchen-3ya.de"), ("INFO@XN--MNCHEN-3YA.DE", "info@xn--mnchen-3ya.de"),
    ("用户@例子.公司", "用户@xn--fsqu00a.xn--55qx5d"), ("a@b18.com", "a@b18.com"), ("x@y.org", "x@y.org"),
    ("o'neil@example.com", "o'neil@example.com"), ("a@a.com", None), ("aaa@b.com", None), ("ann@münchen", None),
    (".ann@b.com", None), ("ann@b..com", None),
])  # fmt: skip
def test_addresses_that_are_used_are_addresses(text, expected):
    assert normalise.normalise("email", text, "CN") == expected


def test_two_forms_of_one_mailbox_are_equal_and_stored_as_delivered():
    forms = ["Jane.Saoirse@gmail.com", "janesaoirse+work@gmail.com", "JANESAOIRSE@googlemail.com"]
    normalised = [normalise.normalise("email", form, "CN") for form in forms]
    assert normalised == [form.lower() for form in forms]
    assert {normalise.comparison_form("email", form) for form in normalised} == {"janesaoirse@gmail.com"}
    assert normalise.comparison_form("email", "jane.s+shop@outlook.com") == "jane.s@outlook.com"
    # At other providers, dots and pluses may be other people's addresses.
    for other in ("jane.s@qq.com", "jane+s@163.com", "ann+1@shop.example"):
        assert normalise.comparison_form("email", other) == other


GOOD = {
    "customer_no": ["11", "111111", "123456", "r0"], "nick": ["tb_小鱼"], "openid": ["oQyAbC-_1"],
    "device": ["490154203237518", "1FE9A970-efbb-29e0-0bdd-f5dbbf751ab5"], "national_id": ["11010519491231002X"],
    "phone_md5": ["A" * 16 + "0123456789abcdef"], "email_sha256": ["0123456789abcdef" * 4],
}  # fmt: skip
BAD = {
    "customer_no": ["0", "000", "null", "无"], "nick": ["tb**8", "微信用户", "匿名用户", "11"],
    "openid": ["o 1", "null", "000"],
    "device": ["490154203237519", "00000000-0000-0000-0000-000000000000", "02:00:00:00:00:00", "9774d56d682e549c"],
    "national_id": ["110105194912310021", "11010519491331002X", "1234567", "110105491231003x"],
    "phone_md5": ["abc", "g" * 32, "d41d8cd98f00b204e9800998ecf8427e"],
    "email_sha256": ["e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
}  # fmt: skip


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in GOOD.items() for text in texts])
def test_good_identifiers_of_every_kind_are_accepted(kind, text):
    assert normalise.normalise(kind, text, "CN") == (text.lower() if kind in normalise._DIGESTS else text)


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in BAD.items() for text in texts])
def test_bad_identifiers_of_every_kind_are_refused(kind, text):
    assert normalise.normalise(kind, text, "CN") is None


def test_an_old_identity_card_has_the_number_of_the_new_one_and_other_countries_have_their_own():
    assert normalise.normalise("national_id", "110105491231002", "CN") == "11010519491231002X"
    assert normalise.normalise("national_id", "1601763", "AU") == "1601763"


@pytest.mark.parametrize("text", ["+8613800138000", "13800138000", "null"])
def test_the_hash_of_a_dummy_is_a_dummy(text):
    assert normalise.normalise("phone_md5", hashlib.md5(text.encode()).hexdigest(), "CN") is None


def test_the_hash_of_every_form_is_among_the_hashes():
    hashes = {form for _, form in normalise.hashes("phone", "+8613765432101")}
    for text in ("+8613765432101", "8613765432101", "13765432101"):
        assert {hashlib.md5(text.encode()).hexdigest(), hashlib.sha256(text.encode()).hexdigest()} <= hashes
    hashes = {form for _, form in normalise.hashes("email", "jane.saoirse@gmail.com")}
    for text in ("jane.saoirse@gmail.com", "janesaoirse@gmail.com"):
        assert hashlib.sha256(text.encode()).hexdigest() in hashes


@pytest.mark.skipif(not VECTORS.exists(), reason="the official examples are not here")
def test_official_examples_of_hashed_phones_and_mail_are_among_the_forms():
    """Where an example hashes a phone or an address that we accept, its hash leads to the clear value."""
    # The 14 mailboxes and phones that could be real: an example such as `user@example.com` is a dummy.
    checked = 0
    for example in map(json.loads, VECTORS.read_text().splitlines()):
        kind = next((kind for kind in ("email", "phone") if example["identifier"].lower().startswith(kind)), None)
        if kind and example["algorithm"] in ("md5", "sha256") and "+" not in example["normalized"][1:]:
            value = normalise.normalise(kind, example["normalized"], "US")
            if value and example["normalized"] in (value, value.removeprefix("+")):
                assert example["hash"] in {form for _, form in normalise.hashes(kind, value)}, example
                checked += 1
    assert checked >= 14


@given(st.text(max_size=30), st.sampled_from(KINDS))
def test_normalising_is_idempotent(text, kind):
    once = normalise.normalise(kind, text, "CN")
    assert once is None or normalise.normalise(kind, once, "CN") == once


@given(st.text(max_size=30))
def test_folding_is_idempotent(text):
    assert folded(folded(text)) == folded(text)


def test_the_strongest_valid_identifier_gives_the_person_key():
    identify = person_key_function("pos", [("member", "brand"), ("phone", "")], "CN", KEY)
    frame = identify(
        pd.Series(["M1", None, "N/A", None, "M1"]),
        pd.Series(["13812345679", "138 1234 5679", "13812345679", "0", None]),
    )
    assert list(frame["id0"]) == ["M1", None, None, None, "M1"]
    assert list(frame["id1"]) == ["+8613812345679", "+8613812345679", "+8613812345679", None, None]
    keys = list(frame["person_key"])
    assert keys[0] == keys[4] == keyed_hash(KEY, "pos", "member", "brand", "M1")
    assert keys[1] == keys[2] == keyed_hash(KEY, "pos", "phone", "", "+8613812345679")
    assert keys[3] is None


def test_a_refusal_has_a_reason_and_the_next_identifier_gives_the_person_key():
    many = keyed_hash(KEY, "pos", "openid", "app", "VIP")
    identify = person_key_function("pos", [("openid", "app"), ("phone", "")], "CN", KEY, crowded={many})
    openids = pd.Series([r"\N", "1.00E+10", "VIP", "o****1", None, "70012.0"])
    frame = identify(openids, pd.Series(["138 1234 5679"] * 4 + ["12", None]))
    assert list(frame["no0"]) == ["placeholder", "digits are lost", "names many people", "masked", None, None]
    assert list(frame["no1"]) == [None, None, None, None, "no valid value of its kind", None]
    by_phone = keyed_hash(KEY, "pos", "phone", "", "+8613812345679")
    assert list(frame["person_key"][:4]) == [by_phone] * 4
    assert frame["person_key"][4] is None
    assert frame["person_key"][5] == keyed_hash(KEY, "pos", "openid", "app", "70012")


def test_a_person_key_is_opaque_and_differs_by_source_scope_and_key():
    keys = {
        keyed_hash(KEY, "pos", "member", "a", "M1"), keyed_hash(KEY, "crm", "member", "a", "M1"),
        keyed_hash(KEY, "pos", "member", "b", "M1"), keyed_hash(b"other", "pos", "member", "a", "M1"),
        keyed_hash(KEY, "pos", "membera", "", "M1"),
    }  # fmt: skip
    assert len(keys) == 5
    assert all(len(key) == 32 and "M1" not in key for key in keys)


def test_it_works_where_our_packages_are_not(tmp_path):
    """Workers get the functions by value and need not have our code."""
    send_code_to_workers()
    (tmp_path / "shipped").write_bytes(cloudpickle.dumps(person_key_function("pos", [("phone", "")], "CN", KEY)))
    code = """if True:
        import pickle, sys, pandas
        with open("shipped", "rb") as file:
            print(pickle.load(file)(pandas.Series(["13812345679.0"])).id0[0])
        print([name for name in sys.modules if name.split(".")[0] in ("quanyu", "jobs")])
    """
    # Isolated: the code of this repository is on no path.
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False,
                          env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"})  # fmt: skip
    assert (done.returncode, done.stdout.strip()) == (0, "+8613812345679\n[]"), done.stderr
