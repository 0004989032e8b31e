"""Numbers in JSON keep their text: engines read them as doubles, and write 1.10 as 1.1 and 1e400 as nothing."""

from __future__ import annotations

# No text holds these characters: Unicode keeps them for such marks.
_FIRST, _LAST = "\\uFDD0", "\\uFDD1"
_TEXT_OR_NUMBER = r'("[^"\\\\]*(?:\\\\.[^"\\\\]*)*")|(-?[0-9][0-9.eE+-]*)'


def marked(sql: str) -> str:
    """JSON in which each number is a text between marks; JSON that is marked stays as it is."""
    parts = f"regexp_replace({sql}, '{_TEXT_OR_NUMBER}', '$1\"{_FIRST}$2{_LAST}\"')"
    # Texts have an empty number behind them.
    return f"replace({parts}, '\"{_FIRST}{_LAST}\"', '')"


def unmarked(sql: str) -> str:
    """What comes out of marked JSON, with its numbers as they were sent."""
    return f"regexp_replace({sql}, '\"?{_FIRST}|{_LAST}\"?', '')"


def member(text: str, path: str) -> str:
    """What JSON holds at a path, as text."""
    return unmarked(f"get_json_object({marked(text)}, {path})")


def length(text: str) -> str:
    """Number of elements of a list; null for what is none."""
    return f"if({text} rlike '^[ \\t\\r\\n]*\\\\[', json_array_length({marked(text)}), null)"
