"""Audiences: who is in by a rule, what for, and where it goes."""

from quanyu.grammar.audience.measure import Measure
from quanyu.grammar.audience.options import Alike, SeedOptions, SizeBand, StaticList
from quanyu.grammar.audience.references import (
    AUDIENCE,
    RESERVED,
    audience_named,
    circle,
    expanded,
    expanded_part,
    family,
    full_name,
    list_column,
    named_audiences,
    reference_columns,
)
from quanyu.grammar.audience.rule import Audience

__all__ = [
    "AUDIENCE",
    "RESERVED",
    "Alike",
    "Audience",
    "Measure",
    "SeedOptions",
    "SizeBand",
    "StaticList",
    "audience_named",
    "circle",
    "expanded",
    "expanded_part",
    "family",
    "full_name",
    "list_column",
    "named_audiences",
    "reference_columns",
]
