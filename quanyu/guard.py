"""Spark's errors as ours, in words and without the values of rows."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from quanyu.errors import QuanyuError, RetryableError

_GONE = "{}: the Spark server went away; run it again"


@contextlib.contextmanager
def guard(place: str) -> Iterator[None]:
    """Turn Spark's errors into ours: words without the values of rows, which Spark prints and which may be personal."""
    import grpc
    from pyspark.errors import PySparkException
    from pyspark.errors.exceptions.connect import PythonException, SparkConnectGrpcException

    try:
        yield
    except QuanyuError:
        raise
    except grpc.RpcError:
        raise RetryableError(_GONE.format(place)) from None
    except SparkConnectGrpcException as error:
        lost = "UNAVAILABLE" in str(error) or "DEADLINE" in str(error) or not error.getCondition()
        if lost and not isinstance(error, PythonException):
            raise RetryableError(_GONE.format(place)) from None
        raise _explained(place, error) from None
    except PySparkException as error:
        raise _explained(place, error) from None


def _explained(place: str, error: Any) -> QuanyuError:
    from pyspark.errors import AnalysisException
    from pyspark.errors.exceptions.connect import PythonException

    condition = error.getCondition() or type(error).__name__
    if isinstance(error, PythonException):
        # Its text ends with what was raised on the worker, which may show values: only where it was is told.
        lines = [
            line.strip().partition(", in ")[0] for line in str(error).splitlines() if line.strip().startswith("File ")
        ]
        return QuanyuError(f"{place}: a worker failed, which it should not ({lines[-1] if lines else condition})")
    if "RETRIES_EXCEEDED" in condition or "RetriesExceeded" in condition:
        return RetryableError(_GONE.format(place))
    if "CONSTRAINT" in condition or "NOT_NULL" in condition:
        return QuanyuError(f"{place}: rows break a constraint of the table ({condition}); nothing was written")
    if "CONCURRENT" in condition:
        return RetryableError(f"{place}: another run wrote at the same time ({condition}); run it again")
    # Only what was said of names, before any row was read, is sure to hold no row's values.
    told = f": {str(error).splitlines()[0][:300]}" if isinstance(error, AnalysisException) else ""
    return QuanyuError(f"{place}: Spark refused ({condition}){told}")
