"""Logs of a home. Only their owner may read and write them, whatever the umask."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO


def private_log(path: Path) -> IO[bytes]:
    """Open a log for appending, and remove permissions of other users. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.fchmod(descriptor, 0o600)
    return os.fdopen(descriptor, "ab", buffering=0)
