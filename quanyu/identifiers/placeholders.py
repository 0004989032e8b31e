"""Placeholders for a missing identifier: words of programs, and numbers that lost digits.

It is shipped to workers by value together with `normalise`, since they need not have our packages.
"""

from __future__ import annotations

import re
import unicodedata

# Why a value is refused: the reasons in the table identifier_refusals.
PLACEHOLDER, DAMAGED, MASKED, INVALID = "placeholder", "digits are lost", "masked", "no valid value of its kind"
CROWDED = "names many people"

# What forms, databases and programs write for a missing value, in any field; outer brackets, quotes
# and signs are left out here.
WORDS = frozenset({
    "null", "none", "nan", "nil", "n/a", "na", "n.a", "nat", "inf", "infinity", "undefined", "undef", "unknown",
    "unspecified", "not set", "notset", "not_set", "not available", "not applicable", "not provided", "missing",
    "empty", "blank", "void", "nothing", "default", "dummy", "test", "tbd", "guest", "anonymous", "anon",
    "anonymous user", "not_authenticated", "distinctid", "distinct_id", "user_id", "userid", "id", "email", "phone",
    "true", "false", "yes", "no", "name", "value", "ref", "div/0", "num", "spill", "calc", "error",
    "无", "没有", "未知", "不详", "测试", "暂无", "空", "匿名", "游客", "未填写", "なし", "不明", "없음",
})  # fmt: skip
# Unfilled templates: {{id}}, ${id}, %s, [object Object], \N.
_UNFILLED = re.compile(r"\{\{?.*\}?\}|\$\{.*\}|\$\(.*\)|%\(?\w*\)?[sd]|\[object \w+\]|\\n|<.*>", re.DOTALL)
_OUTER = "()[]{}<>'\"`#!?*_-./\\|,;: \u2013\u2014"
_NEGATIVE = re.compile(r"-(?:[0-9]{1,6}|214748364[78]|4294967295|922337203685477580[78]|18446744073709551615)(?:\.0+)?")
# Highest values of integer columns, which a larger number is cut to.
_FULL = frozenset({"65535", "2147483647", "4294967295", "9223372036854775807", "18446744073709551615"})
# Masking signs; one star is enough, of the others two.
_MASK = re.compile(r"\*|[\u2731\u25cf\u25cb\u2022\u25a0\u2588\u00d7]{2}")
# The text form of spreadsheets, which shows 0012: ="0012", '0012, and =0012. `SHOWN` is what it shows.
TEXT_FORM = "^[ '=]*= *\" *([^ '=\"][^\"]*?) *\"$|^[ '=]+([^ '=\"](.*[^'])?)$"
SHOWN = "$1$2"
_TEXT_FORM = re.compile(TEXT_FORM)
_WHOLE_DOUBLE = re.compile(r"(\+?[0-9]+)\.0+")
# As spreadsheets and languages write it; a code such as 12E45 is none.
_SCIENTIFIC = re.compile(r"\+?([0-9])(?:[.,]([0-9]+)e\+?([0-9]+)|()e\+([0-9]+))", re.IGNORECASE)
# From here on, doubles cannot represent every integer.
_EXACT = 2**53


def folded(value: str) -> str:
    """Fold full-width forms to plain ones, drop invisible characters, outer blanks and a spreadsheet's text form."""
    text = unicodedata.normalize("NFKC", value)
    text = "".join(c for c in text if unicodedata.category(c) not in ("Cf", "Cc")).strip()
    while match := _TEXT_FORM.search(text):
        text = (match[1] or match[2]).strip()
    return text


def is_masked(text: str) -> bool:
    """Whether a folded text hides some of its characters."""
    return bool(_MASK.search(text))


def is_placeholder(text: str) -> bool:
    """Whether a folded text is a placeholder in any kind.

    Placeholders are: only signs, a word for a missing value, a negative number, zeros, the highest value of a UUID or
    of an integer column, or an unfilled template.
    """
    lower = text.casefold()
    letters = {c for c in lower if c.isalnum()}
    uuid_like = len(lower) >= 32 and letters == {"f"}
    if lower.strip(_OUTER) in WORDS or letters <= {"0"} or uuid_like or lower in _FULL:
        return True
    return bool(_UNFILLED.fullmatch(lower) or _NEGATIVE.fullmatch(lower))


def whole_number(text: str) -> str | None:
    """Return 13812340101 for 13812340101.0 and 1.3812340101E10, and any other text as it is.

    None where digits are lost: a number of 2^53 or more that was a double, or fewer digits than its exponent says.
    """
    if match := _WHOLE_DOUBLE.fullmatch(text):
        return match[1] if int(match[1]) < _EXACT else None
    if not (match := _SCIENTIFIC.fullmatch(text)):
        return text
    first, fraction, exponent = match[1], match[2] or "", int(match[3] or match[5])
    fraction = fraction.rstrip("0") if len(fraction) > exponent else fraction
    digits = first + fraction
    return digits if len(fraction) == exponent and int(digits) < _EXACT else None


def reason(value: str) -> str:
    """Say in a few words why a value that its kind refuses is no identifier."""
    text = folded(value)
    number = whole_number(text)
    if is_placeholder(text) or (number and is_placeholder(number)) or (text.isdigit() and len(set(text)) == 1):
        return PLACEHOLDER
    return DAMAGED if number is None else MASKED if is_masked(text) else INVALID
