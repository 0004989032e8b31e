"""Names of persons and words of addresses in one form: Chinese and Latin, full-width, traditional, accented."""

from __future__ import annotations

import functools
import re
import unicodedata
from typing import Any

# Surnames of two characters; a name that begins otherwise has a surname of one.
COMPOUND = frozenset(
    re.findall("..", "欧阳太史上官端木司马东方独孤南宫夏侯诸葛尉迟皇甫宇文长孙慕容司徒司空轩辕令狐公孙鲜于申屠")
)
_TITLES = re.compile(r"(先生|女士|小姐|太太|老师|同学|会员|顾客|客户)$")
_LATIN_TITLES = re.compile(r"^(mr|mrs|ms|miss|dr|prof|sir|madam)\b\.?\s+")
_NO_NAME = frozenset(
    {"无", "未知", "匿名", "不详", "none", "null", "nan", "unknown", "test", "测试", "na", "anonymous"}
)
_HAN = re.compile(r"[㐀-鿿]")
_GAPS = re.compile(r"[^\w]+|_")
_MASK = re.compile(r"[*＊xX某]{1,}$|\*")


@functools.cache
def _simplifier() -> Any:
    from opencc import OpenCC

    return OpenCC("t2s")


def is_han(text: str) -> bool:
    """Whether a text holds Chinese characters."""
    return bool(_HAN.search(text))


def words(value: str | None) -> str | None:
    """Lower-case words without accents and punctuation, one blank between; simplified characters; None for nothing."""
    if not value:
        return None
    text = value.lower()
    if not text.isascii():
        folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text)).casefold()
        text = "".join(c for c in folded if not unicodedata.combining(c) and unicodedata.category(c) != "Cf")
        if is_han(text):
            text = _simplifier().convert(text)
    return _GAPS.sub(" ", text).strip() or None


def part(value: str | None) -> str | None:
    """A given or family name as one word; None for nothing, for a mask and for what says that there is none."""
    if not value or "*" in value or "＊" in value:
        return None
    text = words(_LATIN_TITLES.sub("", value.strip().lower()))
    joined = text.replace(" ", "") if text else None
    return None if not joined or joined in _NO_NAME or joined.isdigit() else joined


def parts(given: str | None, family: str | None, full: str | None) -> tuple[str | None, str | None]:
    """Split what a source has of a name into given and family name; a full name counts only where the others lack."""
    if given or family or not full:
        return part(given), part(family)
    text = words(_TITLES.sub("", full.strip()))
    if not text or text.replace(" ", "") in _NO_NAME:
        return None, None
    if is_han(text):
        return _chinese(full, text.replace(" ", ""))
    first, _, last = text.rpartition(" ")
    return part(first), part(last)


def _chinese(full: str, text: str) -> tuple[str | None, str | None]:
    size = 2 if text[:2] in COMPOUND and len(text) > 2 else 1
    hidden = "*" in full or "＊" in full or text.endswith("某") or bool(_TITLES.search(full.strip()))
    masked = hidden and len(text) <= size + 1
    # A nickname that happens to be Chinese is longer than names are.
    if len(text) > size + 3 or not _HAN.match(text):
        return None, None
    return (None if masked else text[size:] or None), text[:size]


@functools.lru_cache(maxsize=200_000)
def roman(text: str) -> str:
    """Letters by which a name sounds: pinyin without tones for Chinese characters, the rest as it stands."""
    if text.isascii():
        return text
    from pypinyin import lazy_pinyin

    return "".join(lazy_pinyin(text))
