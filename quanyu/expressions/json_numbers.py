"""Keeps the text of numbers in JSON. Engines would read doubles, and write 1.10 as 1.1 and 1e400 as null."""

from __future__ import annotations

from quanyu.literals import quoted

# Unicode noncharacters, which occur in no text.
_FIRST, _LAST, _BACKSLASH, _QUOTE = "\ufdd0", "\ufdd1", "\ufdd2", "\ufdd3"
# Escapes are replaced first: a pattern that skips them would overflow the stack of one engine.
_ESCAPES = (("\\\\", _BACKSLASH), ('\\"', _QUOTE))
_NUMBER_MARKED = f'$1"{_FIRST}$2{_LAST}"'
_TEXT_OR_NUMBER = '("[^"]*")|(-?[0-9][0-9.eE+-]*)'


def marked(sql: str) -> str:
    """SQL of JSON whose numbers are texts between marks. Marked JSON is unchanged."""
    plain = _replaced(sql, *_ESCAPES)
    parts = f"regexp_replace({plain}, {quoted(_TEXT_OR_NUMBER)}, {quoted(_NUMBER_MARKED)})"
    # After a text, the replacement has added an empty number.
    return _replaced(parts, (f'"{_FIRST}{_LAST}"', ""), *((mark, escape) for escape, mark in _ESCAPES))


def unmarked(sql: str) -> str:
    """SQL without the marks: numbers have their original text again."""
    return _replaced(sql, (f'"{_FIRST}', ""), (f'{_LAST}"', ""), (_FIRST, ""), (_LAST, ""))


def _replaced(sql: str, *pairs: tuple[str, str]) -> str:
    for one, other in pairs:
        sql = f"replace({sql}, {quoted(one)}, {quoted(other)})"
    return sql


def member(text: str, path: str) -> str:
    """SQL of the value at a path in JSON, as text."""
    return unmarked(f"get_json_object({marked(text)}, {path})")


def length(text: str) -> str:
    """SQL of the number of elements of a JSON list; null if it is no list."""
    return f"if({text} rlike '^[ \\t\\r\\n]*\\\\[', json_array_length({marked(text)}), null)"
