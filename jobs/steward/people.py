"""What records say of a person: full names, and the values in which records differ."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import pandas as pd

from jobs.steward.directory import RecordKey
from jobs.unify.matching import names
from jobs.unify.matching.comparison import COLUMNS, IDENTIFIERS, NAME

# Columns of a person besides the name, in the order of the comparisons.
VALUES = tuple(column for column in COLUMNS if column not in NAME)
# Without what the list of identifiers shows.
DESCRIBED = tuple(column for column in VALUES if column not in IDENTIFIERS)


def full_name(person: Mapping[Hashable, Any]) -> str:
    """The complete name of a record: as one text where the feed has that, or its parts in the order of their script."""
    if person["display_name"]:
        return str(person["display_name"])
    given_name, family_name = person["given_name"] or "", person["family_name"] or ""
    if names.is_unspaced(given_name + family_name):
        return f"{family_name}{given_name}"
    return f"{given_name} {family_name}".strip()


def rows_of(people: pd.DataFrame, records: Sequence[RecordKey], columns: Sequence[str]) -> dict[str, list[str]]:
    """The name and these columns of records, by label and in their order; without columns that no record has."""
    persons = [people.loc[[tuple(record)]].iloc[0].to_dict() for record in records]
    values = {"name": [full_name(person) for person in persons]}
    values |= {column: [str(person[column] or "") for person in persons] for column in columns}
    return {label: texts for label, texts in values.items() if label == "name" or any(texts)}


def have_several_values(texts: Sequence[str]) -> bool:
    """Whether records show more than one value; those that show none, or an unknown one, count for nothing."""
    return len({text for text in texts if text not in ("", "unknown")}) > 1
