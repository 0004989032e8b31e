"""The order of files as people number them: 9 before 10, and `a.csv` before `a (1).csv`."""

from __future__ import annotations

_WIDE_DIGITS, _DIGITS = "０１２３４５６７８９", "0123456789"
# Longer than any number in a name; what is left out of a longer one is its beginning.
_PLACES = 20
_ENDING = "[.][A-Za-z][A-Za-z0-9.]*$"


def file_order(column: str) -> str:
    """SQL of a text that sorts names of files, in a column, as people number them; no two names share one."""
    plain = f"translate({column}, '{_WIDE_DIGITS}', '{_DIGITS}')"
    ending = f"regexp_extract({plain}, '({_ENDING})', 1)"
    stem = f"regexp_replace({plain}, '{_ENDING}', '')"
    # A tab sorts before whatever a name may hold: a stem comes before the same with more behind it.
    return f"concat({_padded(stem)}, '\\t', {_padded(ending)}, '\\t', {column})"


def _padded(text: str) -> str:
    """Write every number of a text with the same number of digits."""
    longer = f"regexp_replace({text}, '([0-9]+)', '{'0' * _PLACES}$1')"
    return f"regexp_replace({longer}, '[0-9]*([0-9]{{{_PLACES}}})', '$1')"
