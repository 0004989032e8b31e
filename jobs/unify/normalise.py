"""One implementation of how identifiers are normalised, for workers and for us; third-party libraries only.

It is shipped to workers by value, since they need not have our packages.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata
from collections.abc import Callable, Sequence
from itertools import pairwise

import pandas as pd

_NOTHING = frozenset({"null", "none", "nan", "n/a", "na", "无", "未知", "unknown", "test", "-", "--", "/"})
_EMAIL = re.compile(r"^[^@\s,;]+@[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+$")
_FAKE_MAIL = re.compile(r"^(none|no|null|test|noemail|no-?reply|a+|x+|1+|123(456)?)@")
# Numbers that sales guides type when a customer gives none: the carrier's service number and round ones.
_DUMMY_PHONES = frozenset({"+8613800138000", "+8613800000000", "+8613888888888", "+8613900000000"})


def folded(value: str) -> str:
    """Fold full-width forms to plain ones, drop invisible characters and outer blanks."""
    text = unicodedata.normalize("NFKC", value)
    return "".join(c for c in text if unicodedata.category(c) not in ("Cf", "Cc")).strip()


def repeated_or_sequential(digits: str) -> bool:
    """Whether digits are all the same, or count up or down: what people type when they give nothing."""
    if len(digits) < 4:
        return False
    steps = {(int(b) - int(a)) % 10 for a, b in pairwise(digits)}
    return len(steps) == 1 and steps <= {0, 1, 9}


def phone(value: str, region: str) -> str | None:
    """Return E.164, or None for what is no phone or an obvious dummy. Rules of the region: phonenumbers."""
    import phonenumbers

    try:
        parsed = phonenumbers.parse(folded(value), region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(parsed):
        return None
    found = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    national = str(parsed.national_number)
    tail = national[-8:]
    return None if found in _DUMMY_PHONES or repeated_or_sequential(tail) or tail == "0" * 8 else found


def email(value: str, region: str) -> str | None:
    """Return the address in lower case, or None for what is none or an obvious dummy."""
    text = folded(value).lower()
    return text if len(text) <= 254 and _EMAIL.match(text) and not _FAKE_MAIL.match(text) else None


def plain(value: str, region: str) -> str | None:
    """Return any other identifier folded and trimmed, or None for obvious dummies."""
    text = folded(value)
    digits = text.isascii() and text.isdigit()
    dummy = not text or text.lower() in _NOTHING or (digits and (set(text) == {"0"} or len(set(text)) == 1 < len(text)))
    return None if dummy else text


_BY_KIND: dict[str, Callable[[str, str], str | None]] = {"phone": phone, "email": email}


def normalise(kind: str, value: str | None, region: str) -> str | None:
    """Normalise one identifier of a kind; None when there is none or it is refused."""
    return _BY_KIND.get(kind, plain)(value, region) if value else None


def hashes(kind: str, value: str) -> list[tuple[str, str]]:
    """List the forms in which a normalised phone or e-mail is handed around hashed: kind of the hash, and the hash."""
    if kind not in ("phone", "email"):
        return []
    texts = [value]
    if kind == "phone":
        texts += [value.removeprefix("+"), _national(value)]
    return [
        (f"{kind}_{name}", hashlib.new(name, text.encode(), usedforsecurity=False).hexdigest())
        for text in texts
        for name in ("sha256", "md5")
    ]


def _national(e164: str) -> str:
    import phonenumbers

    return str(phonenumbers.national_significant_number(phonenumbers.parse(e164)))


def keyed(key: bytes, *parts: str) -> str:
    """Hash parts under the home's key to an opaque name of 32 hexadecimal digits."""
    return hmac.new(key, "\x1f".join(parts).encode(), hashlib.sha256).hexdigest()[:32]


def identified(source: str, kinds: Sequence[tuple[str, str]], region: str, key: bytes) -> Callable[..., pd.DataFrame]:
    """Make the function that turns raw identifier columns, strongest first, into person_key and normalised ones."""

    def identify(*columns: pd.Series) -> pd.DataFrame:
        found = {}
        for position, ((kind, _), column) in enumerate(zip(kinds, columns, strict=True)):
            once = {raw: normalise(kind, raw, region) for raw in column.dropna().unique()}
            found[f"id{position}"] = column.map(once).astype(object)
        frame = pd.DataFrame(found, index=columns[0].index)
        keys = pd.Series([None] * len(frame), index=frame.index, dtype=object)
        for position, (kind, scope) in enumerate(kinds):
            values = frame[f"id{position}"]
            made = {value: keyed(key, source, kind, scope, value) for value in values.dropna().unique()}
            keys = keys.where(keys.notna(), values.map(made))
        frame.insert(0, "person_key", keys)
        plain_frame: pd.DataFrame = frame.astype(object).mask(frame.isna(), None)
        return plain_frame

    return identify
