"""The process of the embedded engine: serves Spark Connect on a free loopback port, and ends with its parent.

Called as `python -m quanyu.engine.sail_process BYTES ADDRESSES`, by `quanyu.engine.sail` alone. The parent holds the
other end of standard input: when that closes, however the parent ended, this process ends.
"""

from __future__ import annotations

import resource
import signal
import sys
import threading
import time

WATCH_SECONDS = 0.1


def serve(max_bytes: int, max_addresses: int) -> None:
    """Start the server, print its port, and wait for the end of standard input.

    The process ends when it uses more than `max_bytes` of memory or `max_addresses` bytes of address space, so that
    the machine does not run out of memory.
    """
    from pysail.spark import SparkConnectServer

    # Ctrl-C reaches the whole process group, but the parent decides when this process ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    server = SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    if server.listening_address is None:
        raise SystemExit("Sail does not listen")
    resource.setrlimit(resource.RLIMIT_AS, (max_addresses, max_addresses))
    threading.Thread(target=watch, args=(max_bytes,), daemon=True).start()
    sys.stdout.write(f"{server.listening_address[1]}\n")
    sys.stdout.flush()
    sys.stdin.read()


def watch(max_bytes: int) -> None:
    """End the process when its resident memory exceeds the limit. Most of the address space is never used."""
    import psutil

    process = psutil.Process()
    while process.memory_info().rss <= max_bytes:
        time.sleep(WATCH_SECONDS)
    signal.raise_signal(signal.SIGKILL)


if __name__ == "__main__":
    serve(int(sys.argv[1]), int(sys.argv[2]))
    # Threads of the server would keep the interpreter alive.
    signal.raise_signal(signal.SIGKILL)
