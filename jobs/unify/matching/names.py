"""Names of persons and words of addresses in one form: any script with its marks, full-width, traditional, accented."""

from __future__ import annotations

import functools
import re
import unicodedata
from typing import Any

# Surnames of two characters; a name that begins otherwise has a surname of one.
COMPOUND = frozenset(
    re.findall("..", "欧阳太史上官端木司马东方独孤南宫夏侯诸葛尉迟皇甫宇文长孙慕容司徒司空轩辕令狐公孙鲜于申屠")
) | {"남궁", "황보", "제갈", "사공", "선우", "서문", "독고"}
_TITLES = re.compile(r"\s*(先生|女士|小姐|太太|夫人|老师|同学|会员|顾客|客户|经理|阿姨|叔叔|师傅|様|さん|님|씨)$")
_LATIN_TITLES = re.compile(r"^(mr|mrs|ms|miss|dr|prof|sir|madam)\b\.?\s+")
_HERS, _HIS = re.compile(r"(女士|小姐|太太|夫人|阿姨)$|^(mrs|ms|miss|madam)\b"), re.compile(r"(先生|叔叔)$|^(mr|sir)\b")
# What stands where there is no name. As one word of a name they are names: Na Kim, Christopher Null.
_NO_NAME = frozenset({
    "无", "没有", "未知", "匿名", "不详", "测试", "none", "null", "nil", "nan", "na", "unknown", "undefined", "test",
    "anonymous", "guest", "noname",
    "微信用户", "匿名用户", "匿名买家", "游客", "新用户", "淘宝用户", "京东用户", "抖音用户",
})  # fmt: skip
# Chinese characters and Hangul: scripts that write the surname first and no blank.
_HAN, _UNSPACED = re.compile(r"[㐀-鿿]"), re.compile(r"[㐀-鿿가-힣]")
_DOT = re.compile(r"[·•‧・∙⋅]")
MASK = re.compile(r"[*＊✱●○]+|(?<=[㐀-鿿])某+$")
# Vowel points that Arabic and Hebrew leave out as often as not.
_POINTS = re.compile(r"[\u0591-\u05c7\u064b-\u0652\u0670\u0640]")


@functools.cache
def _simplifier() -> Any:
    from opencc import OpenCC

    return OpenCC("t2s")


def is_han(text: str) -> bool:
    """Whether a text holds Chinese characters."""
    return bool(_HAN.search(text))


def is_unspaced(text: str) -> bool:
    """Whether a text holds characters of a script that writes names without a blank, the surname first."""
    return bool(_UNSPACED.search(text))


def words(value: str | None) -> str | None:
    """Lower-case words without punctuation, one blank between; None for nothing.

    Latin and Greek letters lose their accents. Marks of other scripts are letters and stay: राम is not रमा.
    """
    if not value:
        return None
    text = value.lower()
    if not text.isascii():
        text = _plain(unicodedata.normalize("NFKC", text).casefold())
        text = _simplifier().convert(text) if is_han(text) else text
    return " ".join("".join(c if _is_letter(c) else " " for c in text).split()) or None


def _is_letter(character: str) -> bool:
    return character.isalnum() or unicodedata.category(character)[0] == "M"


def _plain(text: str) -> str:
    """Leave out accents, vowel points and invisible characters."""
    found: list[str] = []
    base = ""
    for c in unicodedata.normalize("NFD", _POINTS.sub("", text)):
        if unicodedata.category(c) == "Mn":
            if not _accents(base, c):
                found.append(c)
        elif unicodedata.category(c) != "Cf":
            base = c
            found.append(c)
    return unicodedata.normalize("NFC", "".join(found))


@functools.cache
def _accents(base: str, mark: str) -> bool:
    """Whether a mark is an accent of its letter, and no letter itself. Russian writes ё as е as often as not."""
    return unicodedata.name(base, "").startswith(("LATIN", "GREEK")) or (base == "е" and mark == "\u0308")


def is_placeholder(text: str) -> bool:
    """Whether words say that there is no name: all of them, never one beside others."""
    return all(word in _NO_NAME for word in text.split()) or text.replace(" ", "") in _NO_NAME


def untitled(full: str) -> tuple[str, bool]:
    """A name without the title around it, and whether there was one."""
    text = full.strip()
    bare = _LATIN_TITLES.sub("", _TITLES.sub("", text).lower()).strip()
    return bare, bare != text.lower()


def sex_of(full: str) -> str:
    """The sex that a title tells: f, m, or nothing."""
    text = full.strip().lower()
    return "f" if _HERS.search(text) else "m" if _HIS.search(text) else ""


def part(value: str | None) -> str | None:
    """A given or family name as one word; None for nothing, for a mask and for mere digits."""
    if not value or MASK.search(value):
        return None
    text = words(_LATIN_TITLES.sub("", value.strip().lower()))
    joined = text.replace(" ", "") if text else None
    return None if not joined or joined.isdigit() else joined


def parts(given: str | None, family: str | None, full: str | None) -> tuple[str | None, str | None]:
    """Split what a source has of a name into given and family name; a full name counts only where the others lack."""
    if is_placeholder(words(" ".join(filter(None, (given, family))) or full) or "") or "@" in (full or ""):
        return None, None
    if given or family or not full:
        return part(given), part(family)
    bare, titled = untitled(full)
    if is_unspaced(bare):
        return _unspaced(bare)
    if MASK.search(bare):
        return None, None
    first, _, last = (words(bare) or "").rpartition(" ")
    return (None, part(last)) if titled and not first else (part(first), part(last))


def _unspaced(bare: str) -> tuple[str | None, str | None]:
    """Split by the length of surnames. A middle dot parts the names of peoples who write it."""
    first, dot, last = (words(side) or "" for side in _halves(bare))
    if dot and first and last:
        return part(first), part(last)
    shown = (words(MASK.split(bare)[0]) or "").replace(" ", "")
    size = 2 if shown[:2] in COMPOUND and (len(shown) > 2 or MASK.search(bare)) else 1
    # A nickname that happens to be Chinese is longer than names are.
    if not shown or len(shown) > size + 3 or not _UNSPACED.match(shown):
        return None, None
    return (None if MASK.search(bare) else shown[size:] or None), shown[:size]


def _halves(bare: str) -> tuple[str, str, str]:
    found = _DOT.search(bare)
    return (bare[: found.start()], "dot", bare[found.end() :]) if found else (bare, "", "")


@functools.lru_cache(maxsize=200_000)
def roman(text: str) -> str:
    """Letters by which a name sounds: pinyin without tones for Chinese characters, the rest as it stands."""
    if text.isascii():
        return text
    from pypinyin import lazy_pinyin

    return "".join(lazy_pinyin(text))
