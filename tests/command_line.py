"""The command line in this process: where the process itself is not tested, starting one would take a second or two."""

import contextlib
import io
import os
import sys
from subprocess import CompletedProcess

import pytest

from quanyu import cli


def quanyu(*words: str) -> "CompletedProcess[str]":
    """Call `quanyu` as a shell would, without the variables of this process that begin with QUANYU_."""
    out, errors = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["quanyu", *words])
        # Each call adds the commands of all stages to the application.
        for part in ("registered_commands", "registered_groups"):
            patch.setattr(cli.app, part, list(getattr(cli.app, part)))
        environment = dict(os.environ)
        for name in environment:
            if name.startswith("QUANYU_"):
                del os.environ[name]
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
                code = _exit_code()
        finally:
            os.environ.clear()
            os.environ.update(environment)
    return CompletedProcess(list(words), code, out.getvalue(), errors.getvalue())


def _exit_code() -> int:
    try:
        cli.main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0
