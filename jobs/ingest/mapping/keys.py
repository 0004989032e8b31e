"""Normalises keys, so that those that look the same are equal, whatever characters a keyboard or spreadsheet used."""

from __future__ import annotations

import unicodedata
from functools import cache

from quanyu.identifiers.placeholders import SHOWN, TEXT_FORM
from quanyu.literals import quoted


def folded(sql: str) -> str:
    """SQL of a folded key: full-width and other forms of ASCII and kana by NFKC, without invisible characters, outer
    blanks and a spreadsheet's text form. Case is significant. An empty key is null."""
    strange, plain = _characters()
    plain_text = f"trim(translate({sql}, {quoted(strange)}, {quoted(plain)}))"
    without_text_form = f"regexp_replace({plain_text}, {quoted(TEXT_FORM)}, {quoted(SHOWN)})"
    looks_strange = quoted("[^ -~]|^ *['=]")
    return f"nullif(trim(if({sql} rlike {looks_strange}, {without_text_form}, {sql})), '')"


@cache
def blanks() -> str:
    """SQL literal of every blank and invisible character, to trim with; inner ones stay, since joiners build emoji."""
    return quoted("".join(character for character in _every() if _is_blank(character) or _is_invisible(character)))


@cache
def _characters() -> tuple[str, str]:
    """Characters to replace and, in the same order, their replacements; those without one are removed from keys."""
    forms = {character: form for character in _every() if (form := _form(character)) != character}
    blank = {character: " " for character in _every() if _is_blank(character) and character != " "}
    removed = "".join(character for character in _every() if _is_invisible(character))
    replaced = {**forms, **blank}
    return "".join(replaced) + removed, "".join(replaced.values())


def _every() -> list[str]:
    return [chr(code) for code in range(1, 0x10000) if not 0xD800 <= code <= 0xDFFF]


def _form(character: str) -> str:
    form = unicodedata.normalize("NFKC", character)
    return form if len(form) == 1 and (form.isascii() or "\uff00" <= character <= "\uffef") else character


def _is_blank(character: str) -> bool:
    return character.isspace()


def _is_invisible(character: str) -> bool:
    return unicodedata.category(character) in ("Cf", "Cc") and not character.isspace()
