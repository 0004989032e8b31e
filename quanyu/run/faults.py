"""Turns errors of the machine and of libraries into ours: who must act, and no value of a row."""

from __future__ import annotations

import errno
import re
import traceback
from pathlib import Path

from quanyu.errors import ConfigError, KeeperError, QuanyuError, RetryableError

_OURS = Path(__file__).parents[2]
_NO_SPACE = "no space is left on the disk: make room, then run again"
_READ_ONLY = "the disk can be read and not written: mend or mount it so that it can, then run again"
_NO_RIGHT = "this user has no permission to read or write it: grant it, or run as its owner"
_BY_NUMBER: dict[int, tuple[type[QuanyuError], str]] = {
    errno.ENOSPC: (KeeperError, _NO_SPACE),
    errno.EDQUOT: (KeeperError, _NO_SPACE),
    errno.EFBIG: (KeeperError, _NO_SPACE),
    errno.EROFS: (KeeperError, _READ_ONLY),
    errno.EACCES: (KeeperError, _NO_RIGHT),
    errno.EPERM: (KeeperError, _NO_RIGHT),
    errno.EMFILE: (KeeperError, "too many files are open: raise the limit (`ulimit -n 65536`), then run again"),
    errno.ENFILE: (KeeperError, "too many files are open on this machine: raise its limit, then run again"),
    errno.EIO: (KeeperError, "the disk fails: look at the system's log before anything is run again"),
    errno.ENOMEM: (KeeperError, "the machine has no memory left: end what else runs, or set sail.memory lower"),
    errno.ENOENT: (RetryableError, "it does not exist, or was deleted while in use: restore it, then run again"),
    errno.ESTALE: (RetryableError, "it does not exist, or was deleted while in use: restore it, then run again"),
    errno.ENOTDIR: (ConfigError, "a file is in place of a folder: name another folder, or move the file away"),
    errno.EEXIST: (ConfigError, "a file is in place of a folder: name another folder, or move the file away"),
    errno.EISDIR: (ConfigError, "a folder is in place of a file: name another file, or move the folder away"),
    errno.ENAMETOOLONG: (ConfigError, "the name is too long for this disk: choose a shorter folder"),
    errno.ELOOP: (ConfigError, "the links are circular: name the folder itself"),
}
_NETWORK = "the other side did not answer: run again"
# Error numbers in messages of native libraries and file databases.
_NUMBERED = re.compile(r"\(os error (\d+)\)|\[Errno (\d+)\]|\[errno (\d+)\]|\berrno: (\d+)")
_NAMED = {
    "No space left on device": errno.ENOSPC,
    "database or disk is full": errno.ENOSPC,
    "Disk quota exceeded": errno.EDQUOT,
    "Read-only file system": errno.EROFS,
    "attempt to write a readonly database": errno.EROFS,
    "Permission denied": errno.EACCES,
    "unable to open database file": errno.EACCES,
    "Too many open files": errno.EMFILE,
    "disk I/O error": errno.EIO,
}
_SOMEWHERE = "a file of the home or of landing"
_DATABASE = ("file is not a database", "database disk image is malformed")


def machine_fault(error: BaseException) -> QuanyuError | None:
    """Return the fault of disk, permissions, files or connections behind an error; None if it is another kind."""
    for one in _chain(error):
        if (number := _number(one)) is not None:
            if number in _BY_NUMBER:
                kind, words = _BY_NUMBER[number]
                return kind(f"{_place(one)}: {words}")
            return RetryableError(f"{_place(one)}: the system refuses it ({errno.errorcode[number]}); run again")
        if isinstance(one, ConnectionError | TimeoutError):
            return RetryableError(_NETWORK)
        if _of_database(one) and any(sign in str(getattr(one, "orig", one)) for sign in _DATABASE):
            return KeeperError("a database of the home (store.db, mlflow.db) is damaged: take it from the last backup")
    return None


def explain_error(error: BaseException) -> QuanyuError:
    """Explain any error. For a bug it gives the place instead of the message, which may contain values."""
    if isinstance(error, QuanyuError):
        return error
    return machine_fault(error) or QuanyuError(f"{type(error).__name__} at {call_path(error)}, a fault of the program")


def call_path(error: BaseException) -> str:
    """List files and lines of the last calls that led to an error, innermost first."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if Path(frame.filename).is_relative_to(_OURS)]
    last = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in (*frames[-1:], *reversed(ours[-3:]))]
    return " < ".join(dict.fromkeys(last))


def _chain(error: BaseException | None) -> list[BaseException]:
    """An error and its causes, newest first."""
    errors: list[BaseException] = []
    while error is not None and error not in errors:
        errors.append(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return errors


def _number(error: BaseException) -> int | None:
    if isinstance(error, OSError) and error.errno in errno.errorcode:
        return error.errno
    if not (isinstance(error, OSError) or _of_database(error) or _of_library(error)):
        return None
    return _signed(str(getattr(error, "orig", error)))


def fault_in_engine_message(text: str) -> QuanyuError | None:
    """Return the fault of disk or permissions that an engine's message quotes from the operating system."""
    number = _signed(text)
    kind, words = _BY_NUMBER.get(number or 0, (None, ""))
    return kind(f"{_SOMEWHERE}: {words}") if kind else None


def _signed(text: str) -> int | None:
    if numbered := _NUMBERED.search(text):
        number = int(next(group for group in numbered.groups() if group))
        return number if number in errno.errorcode else None
    return next((number for sign, number in _NAMED.items() if sign in text), None)


def _of_database(error: BaseException) -> bool:
    return type(error).__module__.startswith(("sqlite3", "sqlalchemy"))


def _of_library(error: BaseException) -> bool:
    """Whether it comes from a file library whose errors consist of a text only."""
    return type(error).__module__.partition(".")[0] in ("deltalake", "_internal", "pyarrow", "builtins", "polars")


def _place(error: BaseException) -> str:
    """The file of an error, if the system names one."""
    name = getattr(error, "filename", None)
    return str(name) if name else _SOMEWHERE
