"""Runs a query with connectorx, in a process of its own."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

from jobs.ingest.extracts import connectorx_program
from quanyu.config.settings import child_environment

if TYPE_CHECKING:
    import pyarrow as pa

_LINES = 200


class DriverError(Exception):
    """What the driver wrote to stderr. It may contain users, hosts and values of rows, so it is never shown."""


@contextlib.contextmanager
def rows_of(url: str, query: str) -> Iterator[tuple[pa.Schema, Iterator[pa.RecordBatch]]]:
    """Run a query and stream its rows in batches. Raises DriverError, also while streaming, if it fails."""
    import pyarrow as pa

    command = [sys.executable, "-P", connectorx_program.__file__]
    environment = child_environment({"RUST_LOG": "r2d2=error", "RUST_BACKTRACE": "0"})
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment) as process:
        driver = _Driver(process)
        try:
            driver.ask({"url": url, "query": query})
            try:
                rows = pa.ipc.open_stream(process.stdout)
            except (pa.ArrowException, OSError):
                raise driver.failure() from None
            yield rows.schema, driver.checked(rows)
        finally:
            process.kill()


class _Driver:
    """The process and its error output."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._lines: list[str] = []
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def ask(self, question: dict[str, str]) -> None:
        """Send the query by stdin: other users can see arguments and environment variables."""
        with contextlib.suppress(BrokenPipeError):
            if self._process.stdin:
                self._process.stdin.write(json.dumps(question).encode())
                self._process.stdin.close()

    def checked(self, rows: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Pass the rows on and check the exit code: to Arrow, a stream cut between two batches looks complete."""
        import pyarrow as pa

        try:
            yield from rows
        except (pa.ArrowException, OSError):
            raise self.failure() from None
        if self._process.wait() != 0:
            raise self.failure()

    def failure(self) -> DriverError:
        """End the process and return its error output."""
        self._process.kill()
        self._process.wait()
        self._listener.join()
        return DriverError("".join(self._lines))

    def _listen(self) -> None:
        for line in self._process.stderr or ():
            if len(self._lines) < _LINES:
                self._lines.append(line.decode(errors="replace"))
            if b" r2d2] " in line:
                # The driver would retry for 30 s, and a server may lock a user out after that many logins.
                self._process.kill()
