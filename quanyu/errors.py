"""Errors, by who must act on them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# A longer list of allowed names is not printed where one of them is close to the wrong name.
MOST_NAMES = 25
# Likeness from which one name may be meant by another.
CLOSE = 0.6


@dataclass(frozen=True)
class Problem:
    """One mistake in a declaration: file, key, and a message with what is wrong and what is allowed."""

    file: str
    key: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}: {self.key}: {self.message}" if self.key else f"{self.file}: {self.message}"


class QuanyuError(Exception):
    """Base of our errors. The command line prints the message without a traceback."""

    exit_code = 1


class ConfigError(QuanyuError):
    """You must act: a declaration, a setting or a call is wrong. `problems` lists all mistakes."""

    exit_code = 2

    def __init__(self, problems: str | Problem | Sequence[Problem]) -> None:
        all_problems = (problems,) if isinstance(problems, str | Problem) else tuple(problems)
        self.problems: tuple[Problem | str, ...] = all_problems
        super().__init__("\n".join(str(problem) for problem in all_problems))


class ExpressionError(ConfigError):
    """An expression is invalid; the message says why."""


class ContractError(QuanyuError):
    """The sender of the data must act: a feed breaks its contract more often than its limits allow."""

    exit_code = 3


class RetryableError(QuanyuError):
    """The machine failed, and the same call may succeed later. It is retried automatically, except LaterError."""

    exit_code = 4


class LaterError(RetryableError):
    """The same call may succeed in about 15 minutes. It is not retried automatically: an early retry does harm."""


class KeeperError(QuanyuError):
    """The machine's operator must act first, since a retry cannot help: a read-only disk, a lost table."""

    exit_code = 4


class RejectedError(QuanyuError):
    """A platform or mail server refused the request permanently."""

    exit_code = 5


# If several kinds of error stopped a run, the first one here decides its exit code.
ORDER: tuple[type[QuanyuError], ...] = (QuanyuError, ConfigError, RetryableError, RejectedError, ContractError)
ACTORS = {
    "ConfigError": "you",
    "ExpressionError": "you",
    "RetryableError": "the machine's operator",
    "LaterError": "the machine's operator",
    "KeeperError": "the machine's operator",
    "RejectedError": "the platform",
    "ContractError": "the sender of the data",
}


def actor(fault: str) -> str:
    """Who must act on an error, by the name of its class."""
    return ACTORS.get(fault, "the developers of Quanyu")


def worst(fault: str) -> int:
    """Position of an error in ORDER, by the name of its class; 0 is the worst."""
    return next(place for place, kind in enumerate(ORDER) if actor(kind.__name__) == actor(fault))


def exit_code(faults: Iterable[str]) -> int:
    """Exit code of a run from the class names of the errors that stopped it: that of the worst; 0 without errors."""
    return min(((worst(fault), ORDER[worst(fault)].exit_code) for fault in faults), default=(0, 0))[1]


def unknown_columns(unknown: Sequence[str], allowed: Iterable[str]) -> str:
    """Name unknown columns, each with the allowed one that is close to it, and all allowed ones where one has none."""
    if len(unknown) == 1:
        return f"unknown column {unknown[0]!r}; {nearest(unknown[0], allowed)}"
    names = sorted(allowed)
    close = {column: difflib.get_close_matches(column, names, n=1, cutoff=CLOSE) for column in unknown}
    hints = (f" (did you mean {match[0]!r}?)" if match else "" for match in close.values())
    words = ", ".join(f"{column!r}{hint}" for column, hint in zip(close, hints, strict=True))
    return f"unknown columns {words}" + ("" if all(close.values()) else f"; allowed: {', '.join(names) or 'nothing'}")


def nearest(name: str, allowed: Iterable[str]) -> str:
    """Return a text of the allowed names, with "did you mean" if one is close; of a long list only this one."""
    names = sorted(allowed)
    close = difflib.get_close_matches(name, names, n=1, cutoff=CLOSE)
    hint = f"did you mean {close[0]!r}?" if close else ""
    if close and len(names) > MOST_NAMES:
        return hint
    return f"{hint} allowed: {', '.join(names) or 'nothing'}".strip()
