"""Literals with a syntax of their own: regular expressions, date patterns, JSON paths, units."""

from __future__ import annotations

import re

from quanyu.errors import ExpressionError

_CLASSES = {"d": "0-9", "w": "A-Za-z0-9_", "s": " \\t\\n\\r\\f\\x0b"}
_PLAIN_ESCAPES = frozenset("tnrf.^$*+?()[]{}|\\/-\"'&~#@!%=:;,<> ")
_REFUSED = {
    "(?=": "look-ahead", "(?!": "look-ahead", "(?<=": "look-behind", "(?<!": "look-behind", "(?>": "atomic groups",
    "(?<": "named groups", "(?P": "named groups", "(?i": "flags: write lower(x) rlike '...'", "(?": "flags",
}  # fmt: skip
_TOKEN = re.compile(r"\\.|\(\?[=!>:iP]?<?[=!]?|\[\^?\]?|[*+?}]\+|\{\d+(?:,\d*)?\}|[\s\S]", re.DOTALL)
_ANY = "[^\\n\\r\\x85\\u2028\\u2029]"


def pattern(text: str) -> str:
    r"""Rewrite a regular expression for equal results on both engines: `\d \w \s` as ASCII classes, also `.` and `$`.

    Raises ExpressionError for features of only one engine: look-around, back references, flags, Unicode classes.
    """
    if not text:
        raise ExpressionError("an empty regular expression matches everywhere: write length(x) > 0, or name a pattern")
    written, inside = "", False
    for piece in _TOKEN.findall(text):
        inside, part = _pattern_part(piece, inside, text)
        written += part
    try:
        re.compile(written.replace("\\z", "$"))
    except re.error as error:
        raise ExpressionError(f"{text!r} is no regular expression: {error}") from None
    return written


def groups(text: str) -> int:
    """Number of groups in round brackets."""
    return re.compile(pattern(text).replace("\\z", "$")).groups


def _pattern_part(piece: str, inside: bool, text: str) -> tuple[bool, str]:
    """Rewrite one token of a regular expression. Also returns whether the next token is inside of square brackets."""
    if piece.startswith("\\"):
        return inside, _escape(piece[1:], inside, text)
    if inside:
        if piece.startswith("[") or piece == "&":
            raise ExpressionError(f"{text!r}: inside of brackets write \\{piece[0]}")
        return piece != "]", piece
    if piece.startswith("["):
        return not piece.endswith("]"), piece if not piece.endswith("]") else f"{piece[:-1]}\\]"
    if piece.startswith("(?") and piece != "(?:":
        why = next(construct for start, construct in _REFUSED.items() if piece.startswith(start))
        raise ExpressionError(f"{text!r}: regular expressions here have no {why}")
    if len(piece) == 2 and piece[1] == "+":
        raise ExpressionError(f"{text!r}: regular expressions here have no possessive quantifiers")
    if piece.startswith("{") and (piece == "{" or any(int(n) > 500 for n in re.findall(r"\d+", piece))):
        raise ExpressionError(f"{text!r}: a repetition is written as {{1,3}}, up to 500; a brace itself as \\{{")
    return False, {".": _ANY, "$": "\\z"}.get(piece, piece)


def _escape(letter: str, inside: bool, text: str) -> str:
    if letter in _CLASSES:
        return _CLASSES[letter] if inside else f"[{_CLASSES[letter]}]"
    if letter.lower() in _CLASSES and not inside:
        return f"[^{_CLASSES[letter.lower()]}]"
    if letter in _PLAIN_ESCAPES:
        return f"\\{letter}" if letter not in " \"'&~#@!%=:;,<>/" else letter
    raise ExpressionError(
        f"{text!r}: \\{letter} differs between the engines; regular expressions here have \\d \\w \\s and escaped signs"
    )


def replacement(text: str) -> str:
    """Check the replacement of a match: text, and $1 to $9. Raises ExpressionError for other uses of $ and \\."""
    if re.search(r"\$(?![1-9](?![0-9A-Za-z_]))|\\", text):
        raise ExpressionError(f"{text!r}: a replacement is text with $1 to $9, each followed by no letter or digit")
    return text


_RUNS = re.compile(r"'[^']*'|([A-Za-z])\1*|[^A-Za-z']")
_FIELDS = frozenset(["yyyy", "MM", "M", "dd", "d", "HH", "H", "mm", "m", "ss", "s", "SSS"])
_SIGNS = frozenset("-/.:, 年月日时分秒")


def date_format(text: str) -> str:
    """Check a date pattern. Raises ExpressionError for letters that engines read differently."""
    parts = [match.group() for match in _RUNS.finditer(text)]
    strange = [part for part in parts if part not in _FIELDS and part not in _SIGNS and not part.startswith("'")]
    if "".join(parts) != text or not text or strange:
        raise ExpressionError(
            f"{text!r}: a date pattern is made of yyyy MM M dd d HH H mm m ss s SSS, signs, and text in quotes"
        )
    return text


_STEP = re.compile(r"(?:\.[A-Za-z_一-鿿][\w一-鿿]*|\['[^'\]]+'\]|\[\d+\])+")


def json_path(text: str) -> str:
    """Check a path of get_json_object: `$.a.b[0]` or `$['a']`. Raises ExpressionError for others."""
    if not text.startswith("$") or not _STEP.fullmatch(text[1:]):
        raise ExpressionError(f"{text!r}: a path into JSON is written as $.member.member[0] or $['member'], without *")
    return text


_UNITS = ("day", "week", "month", "quarter", "year", "hour")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def unit(text: str) -> str:
    """Check a unit of time. Raises ExpressionError for an unknown one."""
    if text.lower() not in _UNITS:
        raise ExpressionError(f"{text!r}: a unit is one of {', '.join(_UNITS)}")
    return text.lower()


def weekday(text: str) -> str:
    """Check a day of the week. Raises ExpressionError for an unknown one."""
    if text.title()[:3] not in _DAYS:
        raise ExpressionError(f"{text!r}: a day of the week is one of {', '.join(_DAYS)}")
    return text.title()[:3]
