"""A program that writes the rows of one query to stdout as an Arrow stream, with connectorx.

It runs as a process of its own, since the driver writes users, hosts and values of rows to stderr, retries a refused
login for 30 s, and panics. It reads ahead without a limit if the rows are written more slowly.
"""

from __future__ import annotations

import ctypes
import json
import signal
import sys

BATCH_ROWS = 65_536
PR_SET_PDEATHSIG = 1


def main() -> None:
    """Read `url` and `query` as JSON from stdin; write the rows to stdout."""
    import connectorx
    import pyarrow as pa

    if sys.platform == "linux":
        # End with the parent process, even while waiting for the database.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    request = json.load(sys.stdin)
    rows = connectorx.read_sql(request["url"], request["query"], return_type="arrow_stream", batch_size=BATCH_ROWS)
    with pa.ipc.new_stream(sys.stdout.buffer, rows.schema) as out:
        for batch in rows:
            out.write_batch(batch)


if __name__ == "__main__":
    main()
