"""Forms and hashes as platforms print them, computed by the engine from values as the house stores them."""

import base64
import hashlib
import json
import os
from pathlib import Path

import pytest

from jobs.exports.destinations import platforms
from jobs.exports.hashing import HASHES, SHAPES, IdFormat
from quanyu.errors import ConfigError
from quanyu.identifiers.normalise import normalise

VECTORS = Path(os.environ.get("QUANYU_VECTORS", "../shared/vectors")) / "hash_vectors.jsonl"
HASH = {
    "sha256": "sha256",
    "sha256_b64": "sha256_base64",
    "md5": "md5",
    "sha1": "sha1",
    "sha256_of_md5hex": "md5_sha256",
}
# The form by platform and the word in the name of the vector's identifier.
SHAPE = {
    "meta": {"email": "lower_trim", "phone": "e164_digits", "fn": "lower", "country": "lower"},
    "google": {"email": "email_google", "phone": "e164", "name": "lower"},
    "uid2_ttd": {"email": "email_uid2", "phone": "e164"},
    "tencent": {"idfa": "upper", "imei": "lower", "oaid": "as_given"},
    "tiktok": {"email": "email_tiktok", "phone": "e164", "aaid": "lower", "idfa": "lower"},
    "liveramp": {"email": "lower_trim", "phone": "national"},
}
# The platform's file where it is named otherwise, and its identifier by the same word.
FILES = {"uid2_ttd": "trade_desk"}
IDENTIFIERS = {
    "email": "email", "phone": "phone", "idfa": "device:idfa", "imei": "device:imei", "oaid": "device:oaid",
    "aaid": "device:gaid",
}  # fmt: skip
KINDS = {"email": "email", "phone": "phone", "idfa": "device", "imei": "device", "oaid": "device", "aaid": "device"}
# Values of manuals that the house takes for dummies, as it would store them if they were a person's.
DUMMIES = {
    "USER@example.com": "user@example.com",
    "MyEmail@example.com": "myemail@example.com",
    "My.Email@example.com": "my.email@example.com",
    "user@example.com": "user@example.com",
    "1-800-555-0100   ": "+18005550100",
    "+551199999999": "+551199999999",
    "+551199999910": "+551199999910",
    "3234567890": "+13234567890",
    "1 (234) 567-8901": "+12345678901",
    "+129988776655": "+129988776655",
    "1234567890": "+11234567890",
    "123-456-7890": "+11234567890",
}
# Fields that are no identifiers of a customer: a name as typed, and a country by its code.
FIELDS = {"United States": "US"}
# Third parties' vectors that break a rule of the platform, by raw value.
BROKEN = {
    "000999OOOQQQQ": "TikTok wants device ids of one case",
    "1234567890": "TikTok wants E.164 with plus and country code",
    "123-456-7890": "LiveRamp wants the national digits alone",
}
# TikTok's page contradicts itself in two vectors: it prints the hash of another address than the one that it
# normalises, and the hash of a phone without the plus that its rule asks for.
CONTRADICTORY = {"johndoe@gmail.com": "janedoe@gmail.com", "+37493828222": "37493828222"}


def vectors():
    if not VECTORS.exists():
        pytest.skip(f"no hash vectors at {VECTORS}; QUANYU_VECTORS names their folder")
    return [json.loads(line) for line in VECTORS.read_text(encoding="utf-8").splitlines() if line.strip()]


def raw_of(vector):
    return vector["raw"].split(" [")[0].removeprefix("INTL: ")


def word_of(vector):
    return next(word for word in SHAPE[vector["platform"]] if word in vector["identifier"].lower())


def stored(vector):
    """The value as the house would store it after it landed."""
    kind, raw = KINDS.get(word_of(vector)), raw_of(vector)
    if kind is None:
        return FIELDS.get(raw, raw)
    value = normalise(kind, raw, "US")
    assert (value is None) == (raw in DUMMIES), raw
    return value or DUMMIES[raw]


def form_of(vector):
    return IdFormat(SHAPE[vector["platform"]][word_of(vector)], HASH[vector["algorithm"]])


def formed(session, pairs):
    """The value of each pair (stored value, form) in its form, by the engine."""
    forms = list(dict.fromkeys(form for _, form in pairs))
    rows = session.createDataFrame(
        [(place, value) for place, (value, _) in enumerate(pairs)], "place int, value string"
    )
    columns = [f"{form.sql('value')} as form_{number}" for number, form in enumerate(forms)]
    results = sorted(rows.selectExpr("place", *columns).collect())
    return [row[1 + forms.index(form)] for row, (_, form) in zip(results, pairs, strict=True)]


def by_kind(*kinds):
    return [vector for vector in vectors() if vector["kind"] in kinds]


def test_all_official_vectors_come_out_of_the_sql_forms(spec_session):
    official = [vector for vector in by_kind("official") if raw_of(vector) not in CONTRADICTORY]
    assert len(official) >= 33
    hashes = formed(spec_session, [(stored(vector), form_of(vector)) for vector in official])
    for vector, own in zip(official, hashes, strict=True):
        assert own == vector["hash"], vector


def test_the_two_vectors_of_tiktok_contradict_its_own_page(spec_session):
    contradictory = [vector for vector in by_kind("official", "official, against its own rule")
                     if raw_of(vector) in CONTRADICTORY and vector["platform"] == "tiktok"]  # fmt: skip
    assert len(contradictory) == 2
    by_rule = formed(spec_session, [(stored(vector), form_of(vector)) for vector in contradictory])
    for vector, own in zip(contradictory, by_rule, strict=True):
        printed = CONTRADICTORY[raw_of(vector)]
        assert own == hashlib.sha256(raw_of(vector).encode()).hexdigest() != vector["hash"]
        assert hashlib.sha256(printed.encode()).hexdigest() == vector["hash"]


def test_vectors_of_third_parties_pass_or_break_a_named_rule(spec_session):
    others = by_kind("third party")
    hashes = formed(spec_session, [(stored(vector), form_of(vector)) for vector in others])
    broken = {raw_of(vector) for vector, own in zip(others, hashes, strict=True) if own != vector["hash"]}
    assert len(others) == 13 and broken == set(BROKEN)


def test_the_negative_vector_does_not_match(spec_session):
    [negative] = by_kind("negative")
    [own] = formed(spec_session, [(stored(negative), form_of(negative))])
    assert own is not None and own != negative["hash"]


def test_platforms_send_the_forms_that_their_vectors_prove():
    classes = platforms()
    proved = set()
    for platform, shapes in SHAPE.items():
        forms = classes[name].forms if (name := FILES.get(platform, platform)) in classes else {}
        for word, shape in shapes.items():
            form = forms.get(IDENTIFIERS.get(word))
            # An id that leaves clear has the case that the platform shows in its documents, not that of a hash.
            if form is not None and form.hash != "none":
                assert form.shape == shape, f"{platform}: {word}"
                proved.add((platform, word))
    assert {("meta", "email"), ("meta", "phone"), ("google", "email"), ("google", "phone"), ("tiktok", "email"),
            ("tiktok", "phone"), ("tiktok", "aaid"), ("tiktok", "idfa")} <= proved  # fmt: skip


def sha256_base64(text):
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


BY_HAND = [
    ("+8613912345670", "e164", "+8613912345670"),
    ("+8613912345670", "e164_digits", "8613912345670"),
    ("+8613912345670", "national_cn", "13912345670"),
    ("+16505551212", "national_cn", None),
    ("+867551234567", "national_cn", None),
    ("+8613912345670", "national", "13912345670"),
    ("+16505551212", "national", "6505551212"),
    ("+85291234567", "national", "91234567"),
    ("+4915112345678", "national", "15112345678"),
    ("a.b+shop@gmail.com", "lower_trim", "a.b+shop@gmail.com"),
    ("a.b+shop@googlemail.com", "email_google", "ab@googlemail.com"),
    ("a.b+shop@example.cn", "email_google", "a.b+shop@example.cn"),
    ("a.b+shop@googlemail.com", "email_uid2", "a.b+shop@googlemail.com"),
    ("a.b+shop@gmail.com", "email_uid2", "ab@gmail.com"),
    ("a.b+shop@gmail.com", "email_tiktok", "a.b@gmail.com"),
    # Without its tag it could be the address of somebody else.
    ("a.b+shop@example.cn", "email_tiktok", None),
    ("6D92078a-8246", "lower", "6d92078a-8246"),
    ("6D92078a-8246", "upper", "6D92078A-8246"),
    ("0a:1b:2c:3d:4e:5f", "upper_bare", "0A1B2C3D4E5F"),
    ("oX-7_aB", "as_given", "oX-7_aB"),
]


def test_forms_and_hashes_are_those_of_hashlib_over_values_formed_by_hand(spec_session):
    by_hand = {
        "sha256": lambda text: hashlib.sha256(text.encode()).hexdigest(),
        "md5": lambda text: hashlib.md5(text.encode()).hexdigest(),
        "sha1": lambda text: hashlib.sha1(text.encode()).hexdigest(),
        "sha256_base64": sha256_base64,
        "md5_sha256": lambda text: hashlib.sha256(hashlib.md5(text.encode()).hexdigest().encode()).hexdigest(),
        "none": str,
    }
    assert set(by_hand) == set(HASHES) and {shape for _, shape, _ in BY_HAND} == set(SHAPES)
    wanted = [(value, IdFormat(shape, name), text) for value, shape, text in BY_HAND for name in HASHES]
    values = formed(spec_session, [(value, form) for value, form, _ in wanted])
    assert values == [None if text is None else by_hand[form.hash](text) for _, form, text in wanted]


@pytest.mark.parametrize("shape", sorted(SHAPES))
def test_a_value_that_normalises_to_nothing_is_null(spec_session, shape):
    nothing = [None, "", "   ", "00000000-0000-0000-0000-000000000000", "+0000000000", "+tag@gmail.com"]
    tagged = {"email_google", "email_uid2", "email_tiktok"}
    phone_or_tagged = shape in tagged or shape.startswith(("e164", "national"))
    pairs = [(value, IdFormat(shape)) for value in (nothing if phone_or_tagged else nothing[:4])]
    assert formed(spec_session, pairs) == [None] * len(pairs)


@pytest.mark.parametrize(
    "shape", [shape for shape in sorted(SHAPES) if "email" in shape or "164" in shape or "nat" in shape]
)
def test_a_delivered_hash_is_never_hashed_again(spec_session, shape):
    delivered = [hashlib.sha256(b"ann@example.cn").hexdigest(), hashlib.md5(b"+8613912345670").hexdigest()]
    assert formed(spec_session, [(value, IdFormat(shape)) for value in delivered]) == [None, None]


def test_no_platform_has_a_form_for_delivered_hashes():
    kinds = {kind for platform in platforms().values() for kind in platform.forms}
    assert {"phone", "email"} <= kinds
    assert not kinds & {"phone_sha256", "phone_md5", "email_sha256", "email_md5"}


def test_a_form_names_its_column():
    assert IdFormat("as_given", "md5").column("device:oaid") == "device_oaid_md5"
    assert IdFormat("as_given", "none").column("openid") == "openid"


def test_an_unknown_shape_is_reported_with_the_allowed_ones():
    with pytest.raises(ConfigError, match="did you mean 'lower_trim'"):
        IdFormat("lowertrim")
