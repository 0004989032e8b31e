"""What can go wrong, by who must act on it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One mistake in a declaration: where it stands, what was found, and what is allowed."""

    file: str
    key: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}: {self.key}: {self.message}" if self.key else f"{self.file}: {self.message}"


class QuanyuError(Exception):
    """A failure that is explained in words; the command line prints it without a traceback."""

    exit_code = 1


class ConfigError(QuanyuError):
    """You must act: a declaration, a setting or a call is wrong. Carries every problem found, not the first."""

    exit_code = 2

    def __init__(self, problems: str | Problem | Sequence[Problem]) -> None:
        all_problems = (problems,) if isinstance(problems, str | Problem) else tuple(problems)
        self.problems: tuple[Problem | str, ...] = all_problems
        super().__init__("\n".join(str(problem) for problem in all_problems))


class ExpressionError(ConfigError):
    """An expression that cannot be used, with the reason in words."""


class ContractError(QuanyuError):
    """The sender of the data must act: a feed breaks its contract beyond its limits."""

    exit_code = 3


class RetryableError(QuanyuError):
    """The machine failed, and the same call may go through later. Retried, but for LaterError."""

    exit_code = 4


class LaterError(RetryableError):
    """The same call may go through in a quarter of an hour, and does harm within the minute: it is not retried."""


class KeeperError(QuanyuError):
    """The machine's keeper must act first, since no repetition mends it: a read-only disk, a table that is gone."""

    exit_code = 4


class RejectedError(QuanyuError):
    """A platform or mail server refused what we asked of it, for good."""

    exit_code = 5


# Where several kinds of error stopped a run, its exit code is that of the first here: what stops most before one feed.
ORDER: tuple[type[QuanyuError], ...] = (QuanyuError, ConfigError, RetryableError, RejectedError, ContractError)
ACTORS = {
    "ConfigError": "you",
    "ExpressionError": "you",
    "RetryableError": "the machine's keeper",
    "LaterError": "the machine's keeper",
    "KeeperError": "the machine's keeper",
    "RejectedError": "the platform",
    "ContractError": "the sender of the data",
}


def actor(fault: str) -> str:
    """Who must act on an error, by the name of its class."""
    return ACTORS.get(fault, "the program's maker")


def worst(fault: str) -> int:
    """Place of an error in ORDER, by the name of its class; 0 is the worst."""
    return next(place for place, kind in enumerate(ORDER) if actor(kind.__name__) == actor(fault))


def exit_code(faults: Iterable[str]) -> int:
    """Exit code of a run by the names of the errors that stopped it: that of the worst by ORDER, 0 without any."""
    return min(((worst(fault), ORDER[worst(fault)].exit_code) for fault in faults), default=(0, 0))[1]


def nearest(name: str, allowed: Iterable[str]) -> str:
    """Return what is allowed, in words, with the nearest name first when one is close."""
    names = sorted(allowed)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"{hint}allowed: {', '.join(names) or 'nothing'}"
