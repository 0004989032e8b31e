import json
import os
from pathlib import Path

import pytest

from jobs.exports.hashing import HASHES, IdFormat
from jobs.exports.platforms.drop import Drop
from quanyu.errors import ConfigError

VECTORS = Path(os.environ.get("QUANYU_VECTORS", "../shared/vectors")) / "hash_vectors.jsonl"
EMAILS = {"email", "email_address", "email_sha256"}
PHONES = {"phone", "phone_number", "phone_sha256"}


def vectors():
    if not VECTORS.exists():
        pytest.skip(f"no hash vectors at {VECTORS}; QUANYU_VECTORS names their folder")
    return [json.loads(line) for line in VECTORS.read_text(encoding="utf-8").splitlines() if line.strip()]


def ours(vector, kinds):
    """Test vectors of platforms whose documents require what our form gives."""
    rules_of_their_own = any(word in vector["note"] + vector["raw"] for word in ("dots", "NEGATIVE", "page prints"))
    its_own_gmail = vector["platform"] == "uid2_ttd" and "gmail" in vector["raw"].lower()
    named = vector["identifier"].lower() in kinds and vector["algorithm"] == "sha256"
    return named and not rules_of_their_own and not its_own_gmail


def test_hashes_are_those_the_platforms_print():
    checked = [vector for vector in vectors() if vector["algorithm"] in HASHES]
    assert len(checked) > 25
    for vector in checked:
        assert HASHES[vector["algorithm"]](vector["normalized"]) == vector["hash"], vector


def test_emails_are_shaped_as_the_platforms_print():
    checked = [vector for vector in vectors() if ours(vector, EMAILS)]
    assert len(checked) >= 10
    for vector in checked:
        assert Drop.forms["email"].apply(vector["raw"]) == vector["hash"], vector


def test_phones_are_shaped_as_the_platforms_print():
    expected = {
        vector["platform"]: vector
        for vector in vectors()
        if vector["identifier"].lower() in PHONES and vector["normalized"] in ("16505551212", "37493828222")
    }
    assert Drop.forms["phone"].apply("+1 (650)555-1212") == expected["meta"]["hash"]
    assert Drop.forms["phone"].apply("+37493828222") == expected["tiktok"]["hash"]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("email", ""),
        ("email", "  "),
        ("email", "nobody"),
        ("email", "@"),
        ("email", None),
        ("phone", ""),
        ("phone", "13800138000"),
        ("phone", "+86"),
        ("phone", "+8612"),
        ("phone", "call me"),
        ("phone", None),
    ],
)
def test_a_value_that_no_platform_could_match_is_null(kind, value):
    assert Drop.forms[kind].apply(value) is None


def test_equal_people_get_equal_hashes():
    phone, email = Drop.forms["phone"], Drop.forms["email"]
    assert phone.apply("+86 138 0013 8000") == phone.apply("+8613800138000")
    assert email.apply(" Ann@Example.COM ") == email.apply("ann@example.com")


def test_a_form_names_its_column():
    assert IdFormat("as_given", "md5").column("oaid") == "oaid_md5"
    assert IdFormat("as_given", "none").column("oaid") == "oaid"
    assert IdFormat("as_given", "none").apply("A-b") == "A-b"


def test_an_unknown_shape_is_reported_with_the_allowed_ones():
    with pytest.raises(ConfigError, match="did you mean 'lower_trim'"):
        IdFormat("lowertrim")
