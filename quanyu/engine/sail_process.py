"""The process of the embedded engine: serves Spark Connect on a free port of loopback, and ends with its parent.

Called as `python -m quanyu.engine.sail_process BYTES`, by `quanyu.engine.sail` alone. The parent holds the other end of
standard input: when that closes, however the parent ended, so does this process.
"""

from __future__ import annotations

import resource
import signal
import sys


def serve(max_bytes: int) -> None:
    """Start the server, print its port, and wait for the end of standard input.

    Beyond `max_bytes` of address space the process aborts, before the machine runs out of memory.
    """
    from pysail.spark import SparkConnectServer

    # Ctrl-C reaches the whole group of processes: the parent decides when this one ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    server = SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    if server.listening_address is None:
        raise SystemExit("Sail does not listen")
    resource.setrlimit(resource.RLIMIT_AS, (max_bytes, max_bytes))
    sys.stdout.write(f"{server.listening_address[1]}\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    serve(int(sys.argv[1]))
    # Threads of the server do not let the interpreter end by itself.
    signal.raise_signal(signal.SIGKILL)
