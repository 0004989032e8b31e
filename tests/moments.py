"""Moments at which a process may end: before and after commits to lake and store, and calls to platforms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from functools import wraps
from traceback import walk_stack
from typing import Any

import pytest
import sqlalchemy as sa
from shop import ROOT

from jobs.exports.http import Http
from quanyu.lake.delta_rs import DeltaRsCommitter
from quanyu.lake.delta_spark import SparkCommitter

COMMITS = (
    "create", "add_columns", "replace_constraint", "append", "replace", "merge", "append_rows", "replace_rows",
    "upsert_rows",
)  # fmt: skip


class KilledError(BaseException):
    """Represents the end of the process: no error handling catches it."""


class Moments:
    """Counts the moments that pass, and ends the process at a chosen one."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.is_fatal: Callable[[int, Hashable], bool] = lambda number, moment: False
        self.passed: Counter[Hashable] = Counter()
        for committer in (DeltaRsCommitter, SparkCommitter):
            for name in COMMITS:
                monkeypatch.setattr(committer, name, self._around(getattr(committer, name)))
        monkeypatch.setattr(Http, "_once", self._around(Http._once, place=1))

    def _around(self, act: Callable[..., Any], place: int = 0) -> Callable[..., Any]:
        """The act between two moments that are named by its argument at a place."""

        @wraps(act)
        def wrapped(of: object, *args: Any) -> Any:
            self._pass(f"before {args[place]}")
            result = act(of, *args)
            self._pass(f"after {args[place]}")
            return result

        return wrapped

    def pass_store(self, connection: sa.Connection) -> None:
        """Pass the moment before a commit of the store; the moment after it is that before the next."""
        if connection.get_execution_options().get("writes"):
            self._pass("before the store")

    def _pass(self, moment: str) -> None:
        lines = [(frame.f_code.co_filename, line) for frame, line in walk_stack(None)]
        key = (moment, *(line for line in lines if line[0].startswith(str(ROOT))))
        number = self.passed.total()
        self.passed[key] += 1
        if self.is_fatal(number, (*key, self.passed[key])):
            raise KilledError

    def kills(self, run: Callable[[], object], is_fatal: Callable[[int, Hashable], bool]) -> bool:
        """Run, and return whether the chosen moment ended it."""
        self.passed.clear()
        self.is_fatal = is_fatal
        try:
            run()
        except KilledError:
            return True
        finally:
            self.is_fatal = lambda number, moment: False
        return False


@contextmanager
def passing(monkeypatch: pytest.MonkeyPatch) -> Iterator[Moments]:
    """Count the moments of everything that runs inside."""
    counted = Moments(monkeypatch)
    sa.event.listen(sa.Engine, "commit", counted.pass_store)
    try:
        yield counted
    finally:
        sa.event.remove(sa.Engine, "commit", counted.pass_store)
