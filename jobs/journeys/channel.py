"""The base class of channels, and the outcome of a message."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from datetime import date
from types import TracebackType
from typing import ClassVar, Literal, Self

from quanyu.errors import Problem


@dataclass(frozen=True)
class Envelope:
    """One rendered message with its address. It exists only while it is being sent."""

    key: str
    to: str
    subject: str
    body: str
    sender: str
    day: date
    html: str | None = None


@dataclass(frozen=True)
class SendOutcome:
    """What became of a message. `failed` may be retried; `unknown` may have been delivered and is never retried.

    `by_server` is true if the other side decided it, and false if we did.
    """

    status: Literal["sent", "rejected", "failed", "unknown"]
    reason: str | None = None
    by_server: bool = False


class Channel:
    """A channel that delivers messages. Use it as a context manager, which holds its connections.

    A `repeatable` channel may deliver a message twice, because the second copy replaces the first. Entering it and
    `deliver` raise RetryableError or RejectedError if the channel itself fails, whatever the message. A problem of one
    message is its Outcome.
    """

    name: ClassVar[str] = ""
    reached_by: ClassVar[str] = ""
    repeatable: ClassVar[bool] = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        return None

    def deliver(self, envelope: Envelope) -> SendOutcome:
        """Deliver one message and return its outcome."""
        raise NotImplementedError

    @classmethod
    def problems(cls) -> list[Problem]:
        """List what is missing from the declaration."""
        file = inspect.getsourcefile(cls) or cls.__module__
        missing = [] if cls.name.isidentifier() else [Problem(file, cls.__name__, "give it a name, in lower case")]
        if not cls.reached_by:
            missing.append(Problem(file, cls.__name__, "declare `reached_by`, the kind of identifier that it sends to"))
        if not (cls.__doc__ or "").strip() or cls.__doc__ == Channel.__doc__:
            missing.append(Problem(file, cls.__name__, "describe it in a docstring"))
        return missing
