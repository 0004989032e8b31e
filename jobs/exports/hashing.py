"""SQL of the forms and hashes in which platforms take identifiers, over the value as it is stored.

A stored phone is E.164 such as +8613912345678, a stored e-mail is in lower case: see quanyu/identifiers/normalise.py.
Forms are cut from them by built-in functions, nothing is parsed again. A value that a form does not fit gives null; so
does a hash that was delivered in the place of a phone or an e-mail: nothing is hashed twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from quanyu.errors import ConfigError, nearest
from quanyu.identifiers.comparable import TAGGED, national_sql

Sql = Callable[[str], str]


def _phone(form: Sql) -> Sql:
    return lambda value: f"case when {value} rlike '^[+][1-9][0-9]{{6,14}}$' then {form(value)} end"


def _chinese(value: str) -> str:
    """A mobile number of the mainland in its 11 digits."""
    return f"case when {value} rlike '^[+]861[3-9][0-9]{{9}}$' then substring({value}, 4) end"


def _email(form: Sql) -> Sql:
    """The form of an address in lower case without blanks; null for a text that is none, or that leaves no name."""

    def sql(value: str) -> str:
        bare = f"lower(regexp_replace({value}, '[ \\t\\r\\n]', ''))"
        return f"case when {form(bare)} rlike '^[^@]+@[^@]+$' then {form(bare)} end"

    return sql


def _untagged(value: str) -> str:
    """The address without a tag, of providers for whom that is the same mailbox; null for a tag of another provider.

    Without its tag that could be the address of somebody else, who has not agreed.
    """
    at = f"split_part({value}, '@', 2)"
    some = ", ".join(f"'{domain}'" for domain in sorted(TAGGED))
    bare = f"concat(split_part(split_part({value}, '@', 1), '+', 1), '@', {at})"
    return f"case when {at} in ({some}) or not contains({value}, '+') then {bare} end"


def _mailbox_at(*domains: str) -> Sql:
    """The address that a provider delivers to, for its own domains: without dots in the name and without a tag."""

    def sql(value: str) -> str:
        name = f"replace(split_part(split_part({value}, '@', 1), '+', 1), '.', '')"
        some = ", ".join(f"'{domain}'" for domain in domains)
        whole = f"concat({name}, '@', split_part({value}, '@', 2))"
        return f"case when split_part({value}, '@', 2) in ({some}) then {whole} else {value} end"

    return sql


def _named(form: Sql) -> Sql:
    """An id that says something: not the zeros that a device gives whose owner wants no advertising."""
    return lambda value: f"case when translate({value}, '0:- ', '') <> '' then {form(f'trim({value})')} end"


SHAPES: Mapping[str, Sql] = {
    "e164": _phone(lambda value: value),
    "e164_digits": _phone(lambda value: f"substring({value}, 2)"),
    # Without the country code: of all countries, and of mainland China alone.
    "national": _phone(national_sql),
    "national_cn": _chinese,
    "lower_trim": _email(lambda value: value),
    "email_google": _email(_mailbox_at("gmail.com", "googlemail.com")),
    "email_uid2": _email(_mailbox_at("gmail.com")),
    "email_tiktok": _email(_untagged),
    "lower": _named(lambda value: f"lower({value})"),
    "upper": _named(lambda value: f"upper({value})"),
    "upper_bare": _named(lambda value: f"upper(replace({value}, ':', ''))"),
    "as_given": _named(lambda value: value),
}
HASHES: Mapping[str, Sql] = {
    "sha256": lambda text: f"sha2({text}, 256)",
    "md5": lambda text: f"md5({text})",
    "sha1": lambda text: f"sha1({text})",
    "sha256_base64": lambda text: f"base64(unhex(sha2({text}, 256)))",
    "md5_sha256": lambda text: f"sha2(md5({text}), 256)",
    "none": lambda text: text,
}


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
        name = kind.replace(":", "_")
        return name if self.hash == "none" else f"{name}_{self.hash}"

    def sql(self, column: str) -> str:
        """SQL of a stored value in the platform's form; null where the platform could not match it."""
        return HASHES[self.hash](SHAPES[self.shape](column))
