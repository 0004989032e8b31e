"""Normalises identifiers, in one implementation for workers and for us; it imports third-party libraries only.

It is shipped to workers by value, since they need not have our packages.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from itertools import pairwise

from quanyu.identifiers.comparable import DOTLESS, TAGGED
from quanyu.identifiers.placeholders import WORDS, folded, is_masked, is_placeholder, whole_number

# Providers decide what a mailbox may be called: some allow dots side by side, or at the end.
_EMAIL = re.compile(
    r"^[^@\s,;:.\\\"<>()\[\]][^@\s,;:\\\"<>()\[\]]{0,63}"
    r"@[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+$"
)
_FAKE_MAIL = re.compile(
    r"^(?:none|no|null|nan|undefined|unknown|anonymous|guest|test|noemail|no-?reply|([ax01])\1{2,}|123(?:456)?"
    r"|(?:deleted|erased|removed|redacted|anonymi[sz]ed)(?:[-_.+][^@]*)?)@"
    # Dummies: asdf@asdf.com, domains that no mail reaches, and examples of manuals.
    r"|^([^@]+)@\2\.|@(?:.*\.)?(?:invalid|localhost|test)$"
    r"|^(?:users?|(?:your|my)?[-_.]?(?:name|e?mail)|foo|bar|someone|example|sample|demo)@(?:.*\.)?example(?:\.com|\.org|\.net)?$"
)
# Numbers that sales guides type when a customer gives none: the carrier's service number and round ones.
_DUMMY_PHONES = frozenset({"+8613800138000", "+8613800000000", "+8613888888888", "+8613900000000", "+8613912345678",
                           "+12147483647"})  # fmt: skip
# Service numbers by phonenumbers' types: hot lines, premium rate and shared cost.
_SERVICE_TYPES = frozenset({3, 4, 5, 9, 10})
# Marketplaces hand out a relay number with an extension in the place of the customer's own.
_RELAYED = re.compile(r"(?:转|轉|分机|#|,|;|ext\.?|x)\s*\d+$|^(?:\+?86[- ]?)?1\d{10}\s*[-_ ]\s*\d{2,6}$", re.IGNORECASE)
# Default names of apps.
_NO_NICKS = frozenset(
    {"微信用户", "匿名", "匿名用户", "匿名买家", "游客", "新用户", "淘宝用户", "京东用户", "抖音用户"}
)
# Ids that faulty phones and privacy settings give to everybody.
_NO_DEVICES = frozenset({"9774d56d682e549c", "020000000000", "000000000000000"})
_NATIONAL = re.compile(r"^\d{17}[\dX]$")
_DIGESTS = {"phone_md5": 32, "email_md5": 32, "phone_sha256": 64, "email_sha256": 64}


def repeated_or_sequential(digits: str) -> bool:
    """Whether digits are all the same, or count up or down, as dummies do."""
    if len(digits) < 4:
        return False
    steps = {(int(b) - int(a)) % 10 for a, b in pairwise(digits)}
    return len(steps) == 1 and steps <= {0, 1, 9}


def phone(value: str, region: str) -> str | None:
    """Return E.164, or None for anything but a person's own phone. Rules of the region: phonenumbers."""
    import phonenumbers

    text = folded(value)
    if _RELAYED.search(text):
        return None
    try:
        parsed = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    letters = any(c.isalpha() for c in text.removeprefix("tel:"))
    if letters or parsed.extension or not phonenumbers.is_valid_number(parsed):
        return None
    if phonenumbers.number_type(parsed) in _SERVICE_TYPES:
        return None
    e164 = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    tail = str(parsed.national_number)[-8:]
    return None if e164 in _DUMMY_PHONES or repeated_or_sequential(tail) or tail == "0" * 8 else e164


def email(value: str, region: str) -> str | None:
    """Return the address in lower case, or None for an invalid one or an obvious dummy."""
    name, at, domain = folded(value).lower().removeprefix("mailto:").rpartition("@")
    text = f"{name}{at}{domain if domain.isascii() else _in_ascii(domain)}"
    return text if len(text) <= 254 and _EMAIL.match(text) and not _FAKE_MAIL.search(text) else None


def _in_ascii(domain: str) -> str:
    """Internationalised domain in ASCII, as mail systems use it; empty where it is invalid."""
    import idna

    try:
        return idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:
        return ""


def comparison_form(kind: str, value: str) -> str:
    """Return the form in which a normalised value is compared with others: two spellings of one mailbox are equal.

    The stored value stays as delivered, since messages go there and platforms hash it.
    """
    if kind == "device":
        return value.lower()
    name, _, domain = value.partition("@")
    if kind != "email" or domain not in TAGGED:
        return value
    name = name.partition("+")[0]
    if domain in DOTLESS:
        return f"{name.replace('.', '')}@gmail.com"
    return f"{name}@{domain}"


def other_identifier(value: str, region: str) -> str | None:
    """Return any other identifier folded and trimmed, or None for obvious dummies."""
    text = folded(value)
    repeated = text.isascii() and text.isdigit() and len(set(text)) == 1 < len(text)
    return None if repeated or is_placeholder(text) else text


def customer_no(value: str, region: str) -> str | None:
    """Return a sequential number of a system, where 11 and 123456 are valid; None for placeholders."""
    text = folded(value)
    return None if is_placeholder(text) else text


def platform_id(value: str, region: str) -> str | None:
    """Return an id that a platform issued, unchanged; None for dummies and for text with blanks."""
    text = other_identifier(value, region)
    return None if text is None or any(c.isspace() for c in text) else text


def nick(value: str, region: str) -> str | None:
    """Return a marketplace nick, or None for the default names of platforms."""
    text = other_identifier(value, region)
    return None if text is None or text in _NO_NICKS else text


def device(value: str, region: str) -> str | None:
    """Return the id of a device, or None for one that many share; an IMEI must have the right check digit."""
    text = platform_id(value, region)
    bare = "".join(c for c in text.lower() if c.isalnum()) if text else ""
    if len(set(bare)) < 2 or bare in _NO_DEVICES or (len(bare) == 15 and bare.isdigit() and not _luhn(bare)):
        return None
    return text


def _luhn(digits: str) -> bool:
    doubled = [sum(divmod(int(d) * (2 if place % 2 else 1), 10)) for place, d in enumerate(reversed(digits))]
    return sum(doubled) % 10 == 0


def national_id(value: str, region: str) -> str | None:
    """Return the number of an identity card, None where it is invalid; in China with eighteen places, by GB 11643."""
    text = "".join(c for c in folded(value).upper() if c.isalnum())
    if region != "CN":
        return None if len(text) < 5 or repeated_or_sequential(text if text.isdigit() else "") else text
    if len(text) == 15 and text.isdigit():
        text = text[:6] + "19" + text[6:]
        text += _check(text)
    return text if _NATIONAL.match(text) and text[17] == _check(text[:17]) and _is_day(text[6:14]) else None


def _check(digits: str) -> str:
    """Check character of ISO 7064 MOD 11-2."""
    return "10X98765432"[sum(int(d) * pow(2, 17 - place, 11) for place, d in enumerate(digits)) % 11]


def _is_day(text: str) -> bool:
    import datetime

    try:
        return datetime.date(int(text[:4]), int(text[4:6]), int(text[6:])) >= datetime.date(1880, 1, 1)
    except ValueError:
        return False


def digest(length: int) -> Callable[[str, str], str | None]:
    """Build the function that returns a hash in lower case, or None for other text and for hashes of dummies."""

    def lower_hash(value: str, region: str) -> str | None:
        text = folded(value).lower()
        hexadecimal = len(text) == length and all(c in "0123456789abcdef" for c in text)
        return text if hexadecimal and text not in _HASHES_OF_NOTHING else None

    return lower_hash


def _hashes_of_nothing() -> frozenset[str]:
    """Hashes of placeholders and dummies."""
    phones = [form for e164 in _DUMMY_PHONES for form in (e164, e164[1:], e164[3:])]
    texts = ["", "0", "-", "--", "/", ".", *WORDS, *(text.upper() for text in WORDS), *phones]
    return frozenset(
        hashlib.new(name, text.encode(), usedforsecurity=False).hexdigest()
        for text in texts
        for name in ("md5", "sha256")
    )


# No cached function: one cannot be sent to workers by value.
_HASHES_OF_NOTHING = _hashes_of_nothing()
_BY_KIND: dict[str, Callable[[str, str], str | None]] = {
    "phone": phone, "email": email, "customer_no": customer_no, "nick": nick, "device": device,
    "national_id": national_id, "openid": platform_id, "unionid": platform_id,
    "external_userid": platform_id, "ouid": platform_id,
    **{kind: digest(length) for kind, length in _DIGESTS.items()},
}  # fmt: skip


def normalise(kind: str, value: str | None, region: str) -> str | None:
    """Normalise one identifier of a kind; None where it is absent or refused."""
    text = folded(value or "")
    # A nick may look like any number.
    number = text if kind == "nick" else whole_number(text)
    if number is None or is_placeholder(number) or is_masked(number):
        return None
    return _BY_KIND.get(kind, other_identifier)(number, region)


def hashes(kind: str, value: str) -> list[tuple[str, str]]:
    """List the hashes under which a normalised phone or e-mail may be delivered: kind of the hash, and the hash."""
    if kind not in ("phone", "email"):
        return []
    texts = (
        [value, value.removeprefix("+"), _national(value)] if kind == "phone" else [value, comparison_form(kind, value)]
    )
    return [
        (f"{kind}_{name}", hashlib.new(name, text.encode(), usedforsecurity=False).hexdigest())
        for text in dict.fromkeys(texts)
        for name in ("sha256", "md5")
    ]


def _national(e164: str) -> str:
    import phonenumbers

    return str(phonenumbers.national_significant_number(phonenumbers.parse(e164)))


def keyed_hash(key: bytes, *parts: str) -> str:
    """Hash parts under the home's key to an opaque name of 32 hexadecimal digits."""
    return hmac.new(key, "\x1f".join(parts).encode(), hashlib.sha256).hexdigest()[:32]


def address_hash(key: bytes, kind: str, value: str) -> str:
    """Hash an address where it must be recognised but not read: the same for each spelling of one mailbox."""
    return keyed_hash(key, "address", kind, comparison_form(kind, value))
