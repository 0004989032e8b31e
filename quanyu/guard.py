"""Spark's errors as ours, in words and without the values of rows."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from quanyu.errors import QuanyuError, RetryableError


@contextlib.contextmanager
def guard(place: str) -> Iterator[None]:
    """Turn Spark's errors into ours: words without the values of rows, which Spark prints and which may be personal."""
    from pyspark.errors import PySparkException
    from pyspark.errors.exceptions.connect import SparkConnectGrpcException

    try:
        yield
    except QuanyuError:
        raise
    except SparkConnectGrpcException as error:
        if "UNAVAILABLE" in str(error) or "DEADLINE" in str(error) or not error.getCondition():
            raise RetryableError(f"{place}: the Spark server went away; run it again") from None
        raise _explained(place, error) from None
    except PySparkException as error:
        raise _explained(place, error) from None


def _explained(place: str, error: Any) -> QuanyuError:
    condition = error.getCondition() or type(error).__name__
    if "CONSTRAINT" in condition or "NOT_NULL" in condition:
        return QuanyuError(f"{place}: rows break a constraint of the table ({condition}); nothing was written")
    if "CONCURRENT" in condition:
        return RetryableError(f"{place}: another run wrote at the same time ({condition}); run it again")
    return QuanyuError(f"{place}: Spark refused ({condition}): {str(error).splitlines()[0][:300]}")
