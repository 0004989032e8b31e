"""Normalises names of persons and words of addresses: any script with its marks, full-width, traditional, accented."""

from __future__ import annotations

import functools
import re
import unicodedata
from typing import Any, NamedTuple

from jobs.unify.matching.titles import COMPOUND, is_placeholder, untitled

# Chinese characters and Hangul: scripts that write the surname first and no blank.
_HAN = re.compile(r"[㐀-鿿𠀀-𳿿]")
_CHARACTER = r"[㐀-鿿𠀀-𳿿가-힣]"
_UNSPACED = re.compile(_CHARACTER)
# The sign for a hidden character, and a letter that replaces it while a text is split into words.
HIDDEN, _LETTER = "*", "ꙮ"
_STARS = re.compile(r"[✱✻∗�□■◯〇]")
# Between two parts of two letters or more a round sign is the dot of 古丽·艾山; elsewhere it masks a character.
_ROUND_DOT = re.compile(r"(?<=[^\W\d_]{2})[●○](?=[^\W\d_]{2})")
_DOTS = "·•‧・∙⋅ᆞㆍ"
_DOT = re.compile(rf"(?<=[^\W_])[{_DOTS}](?=[^\W_])|(?<={_CHARACTER})\.(?={_CHARACTER})")
_DOTS_THAT_HIDE = re.compile(rf"[{_DOTS}]{{2,}}|(?<={_CHARACTER})(?:[.?#]{{2,}}|[?#]|[x×✕]+(?![a-z])|o{{2,}}(?![a-z]))")
_SOME_MAN = re.compile(rf"(?<={_CHARACTER})某+人?$")
# Optional vowel points of Arabic and Hebrew.
_POINTS = re.compile(r"[\u0591-\u05c7\u064b-\u0652\u0670\u0640]")


@functools.cache
def _simplifier() -> Any:
    from opencc import OpenCC

    return OpenCC("t2s")


def is_han(text: str) -> bool:
    """Whether a text contains Chinese characters."""
    return bool(_HAN.search(text))


def is_unspaced(text: str) -> bool:
    """Whether a text contains characters of a script that writes names without a blank, the surname first."""
    return bool(_UNSPACED.search(text))


def words(value: str | None) -> str | None:
    """Lower-case words without punctuation, separated by one blank; None for nothing.

    Latin and Greek letters lose their accents. Marks of other scripts are letters and stay: राम is not रमा.
    """
    if not value:
        return None
    text = value.lower()
    if not text.isascii():
        text = _without_marks(unicodedata.normalize("NFKC", text).casefold())
        text = _simplifier().convert(text) if is_han(text) else text
    return " ".join("".join(c if _is_letter(c) else " " for c in text).split()) or None


def _is_letter(character: str) -> bool:
    return character.isalnum() or unicodedata.category(character)[0] == "M"


def _without_marks(text: str) -> str:
    """Remove accents, vowel points and invisible characters."""
    letters: list[str] = []
    base = ""
    for c in unicodedata.normalize("NFD", _POINTS.sub("", text)):
        if unicodedata.category(c) == "Mn":
            if not _accents(base, c):
                letters.append(c)
        elif unicodedata.category(c) != "Cf":
            base = c
            letters.append(c)
    return unicodedata.normalize("NFC", "".join(letters))


@functools.cache
def _accents(base: str, mark: str) -> bool:
    """Whether a mark is an accent of its letter, and no letter itself. Russian often writes ё as е."""
    return unicodedata.name(base, "").startswith(("LATIN", "GREEK")) or (base == "е" and mark == "\u0308")


def canonical(value: str) -> str:
    """A name in lower case and simplified characters, with one sign for each dot (·) and one for each mask (*)."""
    text = unicodedata.normalize("NFKC", value).casefold()
    if not text.isascii():
        text = "".join(c for c in text if unicodedata.category(c) != "Cf")
        text = _simplifier().convert(text) if is_han(text) else text
        text = _ROUND_DOT.sub("·", text)
        text = _STARS.sub(HIDDEN, text).replace("●", HIDDEN).replace("○", HIDDEN)
        text = _DOT.sub("·", _DOTS_THAT_HIDE.sub(lambda dots: HIDDEN * len(dots[0]), text))
    return text.strip()


class ParsedName(NamedTuple):
    """A parsed name: its parts, where they are visible, and the text without titles.

    `without_title` is canonical; `alone` says that what is visible is a family name or a given name without the other.
    """

    given_name: str | None
    family_name: str | None
    without_title: str
    sex: str
    alone: bool


@functools.lru_cache(maxsize=200_000)
def parse_name(given_name: str | None, family_name: str | None, full_name: str | None) -> ParsedName | None:
    """Parse a name from its columns, None where they contain none; a full name is used only without the others."""
    columns = bool(given_name or family_name)
    text = canonical(" ".join(filter(None, (given_name, family_name))) if columns else full_name or "")
    if "@" in text or is_placeholder(words(text) or ""):
        return None
    unspaced = is_unspaced(text)
    # Where the surname comes first, it does so in two columns too.
    text_in_order = canonical(f"{family_name or ''}{given_name or ''}") if columns and unspaced else text
    bare, titled, sex = untitled(text_in_order)
    bare = _SOME_MAN.sub(HIDDEN, bare)
    if not bare.strip(HIDDEN) or (titled and unspaced and is_placeholder(words(bare) or "")):
        return None
    if not columns:
        first, last = _unspaced(bare) if is_unspaced(bare) else _spaced(bare, titled)
    elif titled and unspaced:
        first, last = _untitled_columns(bare, family_name)
    else:
        first, last = part(given_name), part(family_name)
    return ParsedName(first, last, bare, sex, columns or titled or unspaced)


def _untitled_columns(bare: str, family: str | None) -> tuple[str | None, str | None]:
    """Columns of which one contained a title, or all of a name: the rest is split where the family name ends."""
    text, size = _joined(bare), len(part(family) or "")
    return (text[size:] or None, text[:size]) if size else _unspaced(bare)


def part(value: str | None) -> str | None:
    """A given or family name as one word; None for nothing, for a mask and for digits alone."""
    if not value:
        return None
    text = canonical(value)
    text = text if is_unspaced(text) else untitled(text).without_title
    if HIDDEN in text or _SOME_MAN.search(text):
        return None
    joined = _joined(text)
    return None if not joined or joined.isdigit() else joined


def parts(given_name: str | None, family_name: str | None, full_name: str | None) -> tuple[str | None, str | None]:
    """Split the name columns of a source into given and family name, None for a part that is missing."""
    name = parse_name(given_name, family_name, full_name)
    return (name.given_name, name.family_name) if name else (None, None)


def _spaced(bare: str, titled: bool) -> tuple[str | None, str | None]:
    if HIDDEN in bare:
        return None, None
    first, _, last = (words(bare) or "").rpartition(" ")
    return (None, part(last)) if titled and not first else (part(first), part(last))


def _unspaced(bare: str) -> tuple[str | None, str | None]:
    """Split by the length of surnames; a name too long for that is split at the dot that some peoples write."""
    visible, hidden, _ = bare.partition(HIDDEN)
    text = _joined(visible)
    size = surname_size(text)
    if text and _UNSPACED.match(text) and len(text) <= size + 3:
        return (None if hidden else text[size:] or None), text[:size]
    first, dot, last = visible.partition("·")
    # A nickname that happens to be Chinese is longer than names are.
    return (part(first), part(last)) if dot and not hidden else (None, None)


def surname_size(text: str) -> int:
    """How many characters of a text in an unspaced script are its surname, if it has one."""
    return 2 if text[:2] in COMPOUND else 1


def _joined(text: str) -> str:
    return (words(text) or "").replace(" ", "")


def masked(bare: str) -> str | None:
    """A masked name as words, with a * for each hidden character; all words but the last are joined.

    None where nothing is visible, and where digits are: that is a number.
    """
    text = (words(bare.replace(HIDDEN, _LETTER)) or "").replace(_LETTER, HIDDEN)
    if not text.strip("* ") or any(c.isdigit() for c in text):
        return None
    first, blank, last = text.rpartition(" ")
    return first.replace(" ", "") + ("" if is_unspaced(text) else blank) + last
