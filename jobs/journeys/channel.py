"""What every channel declares, and what it says of a message."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from datetime import date
from types import TracebackType
from typing import ClassVar, Literal, Self

from quanyu.errors import Problem


@dataclass(frozen=True)
class Envelope:
    """One rendered message with its address; it lives only while it is being sent."""

    key: str
    to: str
    subject: str
    body: str
    sender: str
    day: date
    html: str | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of a message: failed may be tried again, unknown may have been delivered and never is.

    by_server: the other side said so, and not we of the message ourselves.
    """

    status: Literal["sent", "rejected", "failed", "unknown"]
    reason: str | None = None
    by_server: bool = False


class Channel:
    """A way for messages to go out; used as a context, in which connections live.

    A repeatable one may deliver a message twice, since the second time replaces the first. Entering it, and deliver,
    raise RetryableError or RejectedError when the channel itself is out of order: no message is to blame then. What is
    wrong with one message is its Outcome.
    """

    name: ClassVar[str] = ""
    reached_by: ClassVar[str] = ""
    repeatable: ClassVar[bool] = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        return None

    def deliver(self, envelope: Envelope) -> Outcome:
        """Hand one message over and say what became of it."""
        raise NotImplementedError

    @classmethod
    def problems(cls) -> list[Problem]:
        """Return what is missing from the declaration."""
        file = inspect.getsourcefile(cls) or cls.__module__
        missing = [] if cls.name.isidentifier() else [Problem(file, cls.__name__, "give it a name, in lower case")]
        if not cls.reached_by:
            missing.append(Problem(file, cls.__name__, "name the kind of identifier it reaches people by: reached_by"))
        if not (cls.__doc__ or "").strip() or cls.__doc__ == Channel.__doc__:
            missing.append(Problem(file, cls.__name__, "say in a docstring what it is"))
        return missing
