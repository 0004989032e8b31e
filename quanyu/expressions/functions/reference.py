"""The reference page of functions and casts in expressions, generated from the function table."""

from __future__ import annotations

from quanyu.expressions.casts import INSTEAD, PAIRS
from quanyu.expressions.functions.entries import TABLE
from quanyu.expressions.functions.refusals import REFUSED
from quanyu.expressions.grammar import AGGREGATES

_HEAD = """# What an expression may call

Written by `quanyu expressions` from the table that checks declarations. All of it gives the same on both engines
([engines.md](engines.md) has the rules); a bad value gives null for its row alone, and in a feed it is quarantined.
`text` is whatever has one written form, `number` any number, `T` any type, the same wherever it stands in a line; names
in quotes are literals, `...` repeats an argument; after a result, `?` says that null may be meant, as of a place that a
list lacks. Operators are `+ - * / div % || = <> <=> < <= > >=`, `and or not`, `in`, `between`, `like`, `rlike`,
`is null`, `case`, `if`, `coalesce`, `nullif` and `cast`.
"""


def markdown() -> str:
    """Return the page as Markdown: functions, aggregates, casts, and refused functions with what to write instead."""
    functions = [line.partition(" = ")[0].strip() for line in TABLE.splitlines()]
    casts = sorted(f"{start} → {end}" for start, end in PAIRS)
    instead = [f"| {start} → {end} | {words} |" for (start, end), words in sorted(INSTEAD.items())]
    refused = [f"| `{name}` | {words} |" for name, words in sorted(REFUSED.items())]
    aggregates = ", ".join(f"`{name}`" for name in sorted(AGGREGATES))
    return "\n".join([
        _HEAD, "## Functions", "", "```", *functions[1:], "```", "", "## Aggregates", "",
        f"In features, measures, labels, and fills with `one_row_per`: {aggregates};"
        " each may have `filter (where …)`, and `count` takes `distinct`.", "",
        "## Casts", "", f"{'; '.join(casts)}.", "", "| cast | instead |", "|---|---|", *instead, "",
        "## Refused", "", "| function | it |", "|---|---|", *refused, "",
    ])  # fmt: skip
