"""Natural order of file names: 9 before 10, and `a.csv` before `a (1).csv`."""

from __future__ import annotations

_WIDE_DIGITS, _DIGITS = "０１２３４５６７８９", "0123456789"
# Digits per number in the sort key, more than in any number of a name; of a longer one, the last digits count.
_PLACES = 20
_ENDING = "[.][A-Za-z][A-Za-z0-9.]*$"


def file_order(column: str) -> str:
    """SQL of a sort key for file names, in a column, in natural order; it is unique for each name."""
    plain = f"translate({column}, '{_WIDE_DIGITS}', '{_DIGITS}')"
    ending = f"regexp_extract({plain}, '({_ENDING})', 1)"
    stem = f"regexp_replace({plain}, '{_ENDING}', '')"
    # A tab sorts before the characters of names, so that a stem comes before a longer one that begins with it.
    return f"concat({_padded(stem)}, '\\t', {_padded(ending)}, '\\t', {column})"


def _padded(text: str) -> str:
    """Pad every number of a text to the same number of digits."""
    longer = f"regexp_replace({text}, '([0-9]+)', '{'0' * _PLACES}$1')"
    return f"regexp_replace({longer}, '[0-9]*([0-9]{{{_PLACES}}})', '$1')"
