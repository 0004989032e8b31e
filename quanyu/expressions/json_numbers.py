"""Numbers in JSON keep their text: engines read them as doubles, and write 1.10 as 1.1 and 1e400 as nothing."""

from __future__ import annotations

from quanyu.literals import quoted

# No text holds these characters: Unicode keeps them for such marks.
_FIRST, _LAST, _BACKSLASH, _QUOTE = "\ufdd0", "\ufdd1", "\ufdd2", "\ufdd3"
# Escapes are out of the way first: a pattern that walks over them would fill the stack of one engine.
_ESCAPES = (("\\\\", _BACKSLASH), ('\\"', _QUOTE))
_NUMBER_MARKED = f'$1"{_FIRST}$2{_LAST}"'
_TEXT_OR_NUMBER = '("[^"]*")|(-?[0-9][0-9.eE+-]*)'


def marked(sql: str) -> str:
    """JSON in which each number is a text between marks; JSON that is marked stays as it is."""
    plain = _replaced(sql, *_ESCAPES)
    parts = f"regexp_replace({plain}, {quoted(_TEXT_OR_NUMBER)}, {quoted(_NUMBER_MARKED)})"
    # Texts have an empty number behind them.
    return _replaced(parts, (f'"{_FIRST}{_LAST}"', ""), *((mark, escape) for escape, mark in _ESCAPES))


def unmarked(sql: str) -> str:
    """What comes out of marked JSON, with its numbers as they were sent."""
    return _replaced(sql, (f'"{_FIRST}', ""), (f'{_LAST}"', ""), (_FIRST, ""), (_LAST, ""))


def _replaced(sql: str, *pairs: tuple[str, str]) -> str:
    for one, other in pairs:
        sql = f"replace({sql}, {quoted(one)}, {quoted(other)})"
    return sql


def member(text: str, path: str) -> str:
    """What JSON holds at a path, as text."""
    return unmarked(f"get_json_object({marked(text)}, {path})")


def length(text: str) -> str:
    """Number of elements of a list; null for what is none."""
    return f"if({text} rlike '^[ \\t\\r\\n]*\\\\[', json_array_length({marked(text)}), null)"
