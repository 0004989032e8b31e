"""Numbers in phrases: one phrase with a blank gives many."""

from __future__ import annotations

from sample.wording.phrases import NUMBERS


def spread(phrases: list[str], forms: int = 13) -> list[str]:
    """Return each phrase with its `{n}` filled in `forms` ways; a phrase without `{n}` stays as it is."""
    return [filled for phrase in phrases for filled in _filled(phrase, forms)]


def _filled(phrase: str, forms: int) -> list[str]:
    parts = phrase.split("{n}")
    if len(parts) == 1:
        return [phrase]
    digits = NUMBERS if len(parts) == 2 else NUMBERS[-6:]
    return [_fill(parts, digits, form) for form in range(forms if len(parts) == 2 else 3 * forms)]


def _fill(parts: list[str], digits: tuple[str, ...], form: int) -> str:
    chosen = [
        digits[(form * (place * 2 + 1) + form // len(digits) + place) % len(digits)] for place in range(len(parts))
    ]
    return "".join(digit + part for digit, part in zip(["", *chosen], parts, strict=False))
