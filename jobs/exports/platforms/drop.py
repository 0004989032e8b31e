"""Audiences as files in a bucket (S3 and what speaks as it does) or a folder, for receivers with a program."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from jobs.exports.files.file_drop import FileDrop
from jobs.exports.files.file_parts import Layout
from jobs.exports.hashing import IdFormat


class Drop(FileDrop):
    """Gzip CSV parts of hashed identifiers, those of a person in one row, for a receiver's own program."""

    name = "drop"
    forms: ClassVar[Mapping[str, IdFormat]] = {"phone": IdFormat("e164_digits"), "email": IdFormat("lower_trim")}
    layout = Layout(compressed=True)
    in_parts = True
    steps = (
        "read the set of the day only if its folder has _SUCCESS, and the parts that this manifest lists",
        "replace the audience by these rows: who is in none of them is to be removed",
    )
