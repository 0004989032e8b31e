"""The base class of platforms, and the outcome of a delivery."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar

from jobs.exports.hashing import IdFormat
from quanyu.errors import Problem
from quanyu.files import Bucket


@dataclass(frozen=True)
class Delivered:
    """Where an export is stored. `written` is false if the same content was there already."""

    location: str
    parts: int
    rows: int
    written: bool


class Platform:
    """A destination of audiences: which identifiers it accepts, in which form, and how they are delivered.

    A subclass has a docstring, a name, and `forms` by kind of identifier, strongest first.
    """

    name: ClassVar[str] = ""
    forms: ClassVar[Mapping[str, IdFormat]] = {}

    @classmethod
    def identifiers(cls) -> tuple[str, ...]:
        """Kinds of identifiers that it accepts, in the order of the file's columns."""
        return tuple(cls.forms)

    @classmethod
    def columns(cls) -> tuple[str, ...]:
        """Names of the columns, such as phone_sha256."""
        return tuple(form.column(kind) for kind, form in cls.forms.items())

    @classmethod
    def format_row(cls, identifiers: Mapping[str, str | None]) -> tuple[str | None, ...]:
        """Turn a customer's normalised identifiers into a row of the file; all null if none can be matched."""
        return tuple(form.apply(identifiers.get(kind)) for kind, form in cls.forms.items())

    @classmethod
    def problems(cls) -> list[Problem]:
        """List what is missing from the declaration."""
        file = inspect.getsourcefile(cls) or cls.__module__
        missing = [] if cls.name.isidentifier() else [Problem(file, cls.__name__, "give it a name, in lower case")]
        if not cls.forms:
            missing.append(Problem(file, cls.__name__, "declare `forms`, by kind of identifier that it accepts"))
        if not (cls.__doc__ or "").strip() or cls.__doc__ == Platform.__doc__:
            missing.append(Problem(file, cls.__name__, "describe it in a docstring"))
        return missing

    def deliver(
        self,
        bucket: Bucket,
        audience: str,
        day: date,
        rows: Iterable[tuple[str | None, ...]],
        kinds: tuple[str, ...],
        facts: Mapping[str, Any],
    ) -> Delivered:
        """Deliver the complete audience of a day. A rerun with the same rows and facts changes nothing."""
        raise NotImplementedError
