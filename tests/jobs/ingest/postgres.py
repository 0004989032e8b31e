"""A private PostgreSQL on loopback, from Debian's package; its data folder is removed when it stops."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

from quanyu.engine.server import free_port

ADMIN, PASSWORD = "keeper", "pa55-of-the-keeper"


class UnavailableError(Exception):
    """The database cannot be started on this machine; the message says why."""


def _programs():
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[4]))
    if not programs:
        raise UnavailableError("PostgreSQL is not installed: apt-get install postgresql")
    return programs[-1].parent


def _unprivileged():
    """Prefix of commands that runs them without root, which they refuse, and the user who must own the folder."""
    if os.geteuid():
        return [], None
    try:
        user = pwd.getpwnam("postgres")
    except KeyError:
        raise UnavailableError("PostgreSQL refuses root, and there is no user postgres") from None
    if not shutil.which("runuser"):
        raise UnavailableError("PostgreSQL refuses root, and there is no runuser")
    return ["runuser", "-u", "postgres", "--"], user


class Postgres:
    """One server; `run` performs SQL as its administrator."""

    lenient = ""

    def __init__(self) -> None:
        self._bin = _programs()
        self._as, user = _unprivileged()
        self._folder = Path(tempfile.mkdtemp(prefix="quanyu-postgres-"))
        self.port = free_port()
        (self._folder / "password").write_text(PASSWORD)
        if user:
            for path in (self._folder, self._folder / "password"):
                os.chown(path, user.pw_uid, user.pw_gid)
        try:
            self._start()
        except UnavailableError:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise

    @property
    def url(self) -> str:
        return f"jdbc:postgresql://127.0.0.1:{self.port}/postgres"

    def _start(self) -> None:
        data = str(self._folder / "data")
        self._call("initdb", "-D", data, "-U", ADMIN, "-A", "scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8", "-N",
                   f"--pwfile={self._folder / 'password'}")  # fmt: skip
        options = f"-p {self.port} -k {self._folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        self._call("pg_ctl", "-D", data, "-l", str(self._folder / "log"), "-w", "-o", options, "start")

    def _call(self, program: str, *arguments: str) -> None:
        command = [*self._as, str(self._bin / program), *arguments]
        # pg_ctl leaves a child behind that would hold a pipe open.
        with (self._folder / "out").open("wb") as out:
            done = subprocess.run(command, cwd="/", stdout=out, stderr=out, timeout=60, check=False)
        if done.returncode:
            raise UnavailableError(f"{program} fails: {(self._folder / 'out').read_text()[-300:]}")

    def run(self, sql: str) -> str:
        command = [str(self._bin / "psql"), "-h", "127.0.0.1", "-p", str(self.port), "-U", ADMIN, "-d", "postgres",
                   "-qAt", "-v", "ON_ERROR_STOP=1", "-c", sql]  # fmt: skip
        env = {**os.environ, "PGPASSWORD": PASSWORD}
        return subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout.strip()

    def kill_others(self) -> None:
        """Close every other connection."""
        self.run(
            "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and usename <> ''"
        )

    def quoted(self, name: str) -> str:
        return f'"{name}"'

    def close(self) -> None:
        self._call("pg_ctl", "-D", str(self._folder / "data"), "-m", "immediate", "-w", "stop")
        shutil.rmtree(self._folder, ignore_errors=True)
