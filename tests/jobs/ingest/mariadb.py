"""A private MariaDB on loopback, from Debian's package; its data folder is removed when it stops."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from postgres import ADMIN, PASSWORD, UnavailableError

from quanyu.engine.server import free_port

DATABASE = "shop"


def _program(name: str) -> str:
    program = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if not program:
        raise UnavailableError("MariaDB is not installed: apt-get install mariadb-server")
    return program


class MariaDB:
    """One server; `run` performs SQL as its administrator."""

    # Allows zero dates, as servers before 5.7 do.
    lenient = "set sql_mode = ''; "

    def __init__(self) -> None:
        server, install, self._client = map(_program, ("mariadbd", "mariadb-install-db", "mariadb"))
        self._folder = Path(tempfile.mkdtemp(prefix="quanyu-mariadb-"))
        self.port = free_port()
        user = pwd.getpwuid(os.geteuid()).pw_name
        data = f"--datadir={self._folder / 'data'}"
        try:
            subprocess.run(
                [install, "--no-defaults", data, f"--user={user}", "--skip-test-db",
                 "--auth-root-authentication-method=normal"],
                capture_output=True, timeout=60, check=True,
            )  # fmt: skip
        except subprocess.SubprocessError as error:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise UnavailableError(f"mariadb-install-db fails: {type(error).__name__}") from None
        socket = str(self._folder / "socket")
        with (self._folder / "log").open("wb") as log:
            self._server = subprocess.Popen(
                [server, "--no-defaults", data, f"--user={user}", f"--socket={socket}", f"--port={self.port}",
                 "--bind-address=127.0.0.1", f"--pid-file={self._folder / 'pid'}", "--skip-name-resolve",
                 "--innodb-flush-log-at-trx-commit=0", "--default-time-zone=+05:30"],
                stdout=log, stderr=log,
            )  # fmt: skip
        self._login = ["-S", socket, "-u", "root"]
        self._wait()
        self.run(f"create database {DATABASE} character set utf8mb4", database="")
        self.run(
            f"create user {ADMIN} identified by '{PASSWORD}'; grant all on *.* to {ADMIN} with grant option",
            database="",
        )
        self._login = ["-h", "127.0.0.1", "-P", str(self.port), "-u", ADMIN, f"-p{PASSWORD}"]

    @property
    def url(self) -> str:
        return f"jdbc:mariadb://127.0.0.1:{self.port}/{DATABASE}"

    def _wait(self) -> None:
        until = time.monotonic() + 30
        while True:
            try:
                self.run("select 1", database="")
                return
            except subprocess.CalledProcessError:
                if self._server.poll() is not None or time.monotonic() > until:
                    self.close()
                    raise UnavailableError("mariadbd does not start") from None
                time.sleep(0.05)

    def run(self, sql: str, database: str = DATABASE) -> str:
        command = [
            self._client,
            "--no-defaults",
            *self._login,
            "-N",
            "-B",
            "--default-character-set=utf8mb4",
            "-e",
            sql,
        ]
        done = subprocess.run([*command, database] if database else command, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def kill_others(self) -> None:
        """Close every other connection."""
        ids = self.run(
            f"select id from information_schema.processlist where id <> connection_id() and user = '{ADMIN}'"
        )
        for number in ids.split():
            self.run(f"kill {number}")

    def quoted(self, name: str) -> str:
        return f"`{name}`"

    def close(self) -> None:
        self._server.terminate()
        self._server.wait(30)
        shutil.rmtree(self._folder, ignore_errors=True)
