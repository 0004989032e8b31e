"""Texts that are derived from the compared fields of records, by which blocks can be formed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobs.unify.matching.sounds import roman

if TYPE_CHECKING:  # Checks of declarations need the names of the parts alone.
    from pandas import DataFrame, Series


@dataclass(frozen=True)
class BlockPart:
    """A text by which blocks can be formed: its name in a block, and how it is derived from the fields of records."""

    name: str
    derive: Callable[[DataFrame], Series]


def map_distinct(column: Series, function: Callable[[Any], Any]) -> Series:
    """Apply a function to each different value once."""
    return column.map({value: function(value) for value in column.dropna().unique()}).astype(object)


def complete_name(fields: DataFrame) -> Series:
    """The complete name with its parts sorted, null where one of them is missing."""
    both = fields["given"].notna() & fields["family"].notna()
    given_names, family_names = fields["given"].fillna("").astype(str), fields["family"].fillna("").astype(str)
    first = given_names.where(given_names <= family_names, family_names)
    last = family_names.where(given_names <= family_names, given_names)
    return (first + "~" + last).mask(~both, None)


def initials(fields: DataFrame) -> Series:
    """First letters of the sounds of both parts of the name, sorted; null where there is no name."""
    one = map_distinct(fields["given"], lambda text: roman(text)[0]).fillna("")
    two = map_distinct(fields["family"], lambda text: roman(text)[0]).fillna("")
    either = (one + two).str.len() > 0
    return (one.where(one <= two, two) + two.where(one <= two, one)).mask(~either, None)


def start_of(field: str) -> Callable[[DataFrame], Series]:
    """The first four letters of the sound of a field."""
    return lambda fields: map_distinct(fields[field], lambda text: roman(text)[:4])
