"""Audiences: who is in by a rule, what for, and where it goes."""

from quanyu.grammar.audience.measure import Measure
from quanyu.grammar.audience.options import Alike, SeedOptions, SizeBand, StaticList
from quanyu.grammar.audience.references import (
    RESERVED,
    circle,
    expanded,
    family,
    full_name,
    list_column,
    named_audiences,
    reference_columns,
)
from quanyu.grammar.audience.rule import Audience

__all__ = [
    "RESERVED",
    "Alike",
    "Audience",
    "Measure",
    "SeedOptions",
    "SizeBand",
    "StaticList",
    "circle",
    "expanded",
    "family",
    "full_name",
    "list_column",
    "named_audiences",
    "reference_columns",
]
