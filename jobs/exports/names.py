"""Names of audiences on platforms, whose lengths and letters they limit."""

from __future__ import annotations

import hashlib
import re


def fitted(text: str, longest: int, letters: str = r"[\s\S]") -> str:
    """The text, if it has at most so many of the allowed letters (a character class) and no other.

    Otherwise as much of it as fits, with a hash of all of it: another text always gives another name.
    """
    if len(text) <= longest and re.fullmatch(f"{letters}+", text):
        return text
    plain = "".join(letter if re.fullmatch(letters, letter) else "_" for letter in text)
    return f"{plain[: longest - 9]}_{hashlib.sha256(text.encode()).hexdigest()[:8]}"
