"""Message templates, written by marketers and filled in per customer."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, meta
from jinja2 import Template as Compiled
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from quanyu.errors import ConfigError, Problem, RejectedError

TEXT_LIMIT = 100_000
FILLED_LIMIT = 200_000
SUBJECT_LIMIT = 300
# Values from records: untrusted text.
PERSONAL = ("name", "city")
NAME_LIMIT = 40
# Mail programs turn words with a dot between them into a link if a part has more than one letter.
_LINK = re.compile(r"\w{2}\.\w|\w\.\w{2}")
# Begins an encoded word in a header, which could hide any content.
ENCODED_WORD = "=?"


def safe_name(text: str | None) -> str:
    """A name that is safe in a message, or the empty text, which stands for an unknown name.

    Allowed are letters, marks, blanks and `·'-.`, 40 characters at most: no markup, link, control character or header.
    """
    name = " ".join((text or "").replace("’", "'").replace("・", "·").split())
    kinds = {unicodedata.category(character)[0] for character in name if character not in " ·'-."}
    return name if len(name) <= NAME_LIMIT and "L" in kinds and kinds <= {"L", "M"} and not _LINK.search(name) else ""


class _Environment(ImmutableSandboxedEnvironment):
    """Jinja's sandbox, in which text cannot be multiplied to gigabytes either."""

    intercepted_binops = frozenset({"*", "**", "%"})

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Allow arithmetic with numbers below 1e12 only."""
        sane = all(isinstance(value, int | float) and abs(value) < 1e12 for value in (left, right))
        if not sane or (operator == "**" and right > 64):
            raise SecurityError(f"{operator} is for numbers of ordinary size")
        return super().call_binop(context, operator, left, right)


@dataclass(frozen=True)
class Text:
    """A filled-in message. The subject is one line; values in html are escaped."""

    subject: str
    body: str
    html: str | None = None


@dataclass(frozen=True)
class Template:
    """Subject, body and optional html in Jinja's language. Raises ConfigError if they cannot be parsed."""

    name: str
    subject: str
    body: str
    html: str | None = None
    file: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        checks = [self._problem(part, text) for part, text in self._texts().items()]
        if problems := [problem for problem in checks if problem is not None]:
            raise ConfigError(problems)

    def names(self) -> set[str]:
        """Names of the values that the template uses."""
        plain = _environment(False)
        return {name for text in self._texts().values() for name in meta.find_undeclared_variables(plain.parse(text))}

    def fill(self, values: Mapping[str, Any]) -> Text:
        """Fill in the values of one customer, those of PERSONAL through `safe_name`.

        Raises RejectedError for a missing value or a text over its limit.
        """
        values = {**values, **{key: safe_name(values[key]) for key in PERSONAL if key in values}}
        subject = " ".join(self._filled("subject", values, SUBJECT_LIMIT).split())
        if not subject:
            raise RejectedError(f"template {self.name}: the subject is empty")
        html = self._filled("html", values, FILLED_LIMIT) if self.html is not None else None
        return Text(subject, self._filled("body", values, FILLED_LIMIT), html)

    @cached_property
    def _compiled(self) -> Mapping[str, Compiled]:
        return {part: _environment(part == "html").from_string(text) for part, text in self._texts().items()}

    def _texts(self) -> dict[str, str]:
        texts = {"subject": self.subject, "body": self.body, "html": self.html}
        return {part: text for part, text in texts.items() if text is not None}

    def _problem(self, part: str, text: str) -> Problem | None:
        key = f"{self.name}.{part}"
        if part == "subject" and ENCODED_WORD in text:
            return Problem(self.file or "templates", key, f"{ENCODED_WORD!r} begins an encoded word: remove it")
        if len(text) > TEXT_LIMIT:
            return Problem(self.file or "templates", key, f"{len(text)} characters; at most {TEXT_LIMIT} are allowed")
        try:
            _environment(False).from_string(text)
        except TemplateSyntaxError as error:
            return Problem(self.file or "templates", key, f"line {error.lineno}: {error.message}")
        return None

    def _filled(self, part: str, values: Mapping[str, Any], limit: int) -> str:
        pieces: list[str] = []
        length = 0
        try:
            # Piece by piece, so that the limit also stops an endless loop.
            for piece in self._compiled[part].generate(dict(values)):
                pieces.append(piece)
                length += len(piece)
                if length > limit:
                    raise RejectedError(f"template {self.name}: {part} exceeds {limit} characters")
        except (TemplateError, ArithmeticError, TypeError, ValueError, AttributeError, LookupError) as error:
            # The error's text may contain personal data.
            reason = error.message if isinstance(error, TemplateError) else type(error).__name__
            raise RejectedError(f"template {self.name}: {part} cannot be filled in: {reason}") from error
        return "".join(pieces)


def _environment(escapes: bool) -> _Environment:
    return _Environment(autoescape=escapes, undefined=StrictUndefined, keep_trailing_newline=True)
