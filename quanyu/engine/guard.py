"""Turns an engine's errors into ours. Engine messages are never shown, since they contain values of rows."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from quanyu.errors import QuanyuError, RetryableError
from quanyu.run.faults import fault_in_engine_message

_OURS = Path(__file__).parents[2]
# Signs in messages: the engine cannot be reached, or has run out of memory.
_LOST = ("UNAVAILABLE", "RETRIES_EXCEEDED", "DEADLINE_EXCEEDED", "session not found", "INVALID_HANDLE")
_TOO_LARGE = (
    "Failed to allocate",
    "RESOURCE_EXHAUSTED",
    "Resources exhausted",
    "OutOfMemoryError",
    "Not enough memory",
    "memory allocation failed",
    "MemoryError",
)


@contextlib.contextmanager
def guard(place: str) -> Iterator[None]:
    """Turn an engine's errors into ours: connection lost, out of memory, or query refused.

    Raises RetryableError if the engine is gone, QuanyuError otherwise.
    """
    import grpc
    from pyspark.errors import PySparkException

    try:
        yield
    except QuanyuError:
        raise
    except (grpc.RpcError, PySparkException) as error:
        raise _explained(place, error) from None


def _explained(place: str, error: Any) -> QuanyuError:
    from pyspark.errors.exceptions.connect import PythonException

    condition = getattr(error, "getCondition", str)() or ""
    message = f"{condition} {error}"
    if any(sign in message for sign in _TOO_LARGE):
        return QuanyuError(
            f"{place}: the engine needs more memory than it may take; raise sail.memory (or spark.memory) in base.yml"
        )
    if isinstance(error, PythonException):
        return QuanyuError(f"{place}: a function on a worker failed, a fault of the program ({_worker_line(error)})")
    if _without_kind(error) and any(sign in message for sign in _LOST):
        return RetryableError(
            f"{place}: the engine went away; run it again (if it goes each time, it needs more memory: sail.memory or"
            " spark.memory in base.yml)"
        )
    if fault := fault_in_engine_message(message):
        return type(fault)(f"{place}: {fault}")
    if "CONSTRAINT" in message or "NOT_NULL" in condition:
        return QuanyuError(f"{place}: rows break a constraint of the table; nothing was written")
    if "CONCURRENT" in condition:
        return RetryableError(f"{place}: another run wrote at the same time ({condition}); run it again")
    kind = condition or type(error).__name__
    return QuanyuError(f"{place}: the engine refused the query ({kind}) at {_caller_line(error)}")


def _without_kind(error: Any) -> bool:
    """Whether the error has a generic class. The text of a specific one contains values of rows."""
    from pyspark.errors import PySparkException
    from pyspark.errors.exceptions.connect import SparkConnectGrpcException

    return type(error) in (SparkConnectGrpcException, PySparkException) or not isinstance(error, PySparkException)


def _worker_line(error: BaseException) -> str:
    """File and line of the innermost frame on the worker. The message itself may contain values."""
    lines = [line.strip() for line in str(error).splitlines()]
    frames = [line.partition(", in ")[0] for line in lines if line.startswith("File ")]
    return frames[-1] if frames else "at an unknown line"


def _caller_line(error: BaseException) -> str:
    """File and line of our code that called the engine."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if _is_ours(Path(frame.filename))]
    at = (ours or list(frames))[-1]
    return f"{Path(at.filename).name}:{at.lineno}"


def _is_ours(file: Path) -> bool:
    return file.is_relative_to(_OURS) and "site-packages" not in file.parts and file.parent != Path(__file__).parent
