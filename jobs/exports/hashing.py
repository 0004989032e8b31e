"""Formats and hashes identifiers as platforms require."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from quanyu.errors import ConfigError, nearest


def lower_trim(value: str) -> str | None:
    """E-mail as most platforms require it: trimmed, lower case. None for a text without @."""
    shaped = value.strip().lower()
    return shaped if "@" in shaped.strip("@") else None


def e164_digits(value: str) -> str | None:
    """Phone number with country code and without a plus. None for a number without a country code."""
    import phonenumbers

    try:
        number = phonenumbers.parse(value.strip(), None)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164).lstrip("+")


def as_given(value: str) -> str | None:
    """Leave the value unchanged, case and hyphens included. None for an empty value."""
    return value or None


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _md5(text: str) -> str:
    # Some platforms accept nothing else. It protects nothing against somebody who tries all numbers.
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


SHAPES: Mapping[str, Callable[[str], str | None]] = {
    "lower_trim": lower_trim,
    "e164_digits": e164_digits,
    "as_given": as_given,
}
HASHES: Mapping[str, Callable[[str], str]] = {"sha256": _sha256, "md5": _md5, "none": lambda text: text}


@dataclass(frozen=True)
class IdFormat:
    """Format and hash in which a platform accepts one kind of identifier."""

    shape: str
    hash: str = "sha256"

    def __post_init__(self) -> None:
        for what, name, allowed in (("shape", self.shape, SHAPES), ("hash", self.hash, HASHES)):
            if name not in allowed:
                raise ConfigError(f"{name!r} is not a {what} of an identifier: {nearest(name, allowed)}")

    def column(self, kind: str) -> str:
        """Name of the column in a file: phone_sha256, or the kind alone if nothing is hashed."""
        return kind if self.hash == "none" else f"{kind}_{self.hash}"

    def apply(self, value: str | None) -> str | None:
        """Format and hash a normalised identifier. None if the platform could not match it."""
        shaped = SHAPES[self.shape](value) if value is not None else None
        return HASHES[self.hash](shaped) if shaped is not None else None
