"""Apache Spark: a session on a cluster, by its address, or on the one local server of a home."""

from __future__ import annotations

import atexit
import fcntl
import hashlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.parse import quote, urlsplit

import psutil
from filelock import FileLock

from quanyu.config.sections import is_reference
from quanyu.config.settings import child_environment, secret
from quanyu.engine.connect import close_session, configure, open_session, within
from quanyu.engine.server import Server, end, free_port, listening
from quanyu.errors import RetryableError
from quanyu.private_files import private_log, replace_file

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from quanyu.config.settings import Settings

DELTA = "io.delta:delta-spark_4.2_2.13:4.4.0"
# pyspark contains newer ones; two versions on one classpath fail at random.
EXCLUDED = (
    "org.apache.hadoop:hadoop-client-api,org.apache.hadoop:hadoop-client-runtime,org.apache.parquet:parquet-hadoop"
)
START_SECONDS = 180
# Settings of the server while it starts; some are credentials.
CONF = "server.conf"
# Without it, the server logs values of rows when a query fails.
_LOGGING = f"-Dlog4j2.configurationFile={Path(__file__).with_name('log4j2.properties').as_uri()}"
_held: dict[Path, IO[bytes]] = {}
_sessions: dict[str, tuple[str, SparkSession]] = {}


class SparkEngine:
    """Provides sessions. Starts, replaces and stops the local server of one home unless a remote one is set."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.folder = (settings.home / "server").resolve()

    def session(self) -> SparkSession:
        """Return this process's session; later calls return the same one. Raises RetryableError without a server."""
        key = self.settings.spark.remote or str(self.folder)
        url, session = _sessions.get(key, ("", None))
        if session is not None and (self.settings.spark.remote or self._is_running(url)):
            return session
        _close(key)
        _sessions[key] = self._connect()
        return _sessions[key][1]

    def _is_running(self, url: str) -> bool:
        server = self.server()
        return server is not None and server.process() is not None and server.url == url

    def _connect(self) -> tuple[str, SparkSession]:
        if self.settings.spark.remote:
            return "", configure(open_session(self._remote_url()), self.settings)
        self._hold()
        for last in (False, True):
            server = self._ensure()
            session = self._answering(server)
            if session is not None:
                return server.url, configure(session, self.settings)
            if last:
                break
            self._kill(server)
        raise RetryableError(
            f"the Spark server of {self.settings.home} does not answer; see {self.folder / 'server.log'}"
        )

    def _remote_url(self) -> str:
        """Address of the cluster with its token. Raises ConfigError if the secret is not set."""
        remote, token = self.settings.spark.remote or "", secret(self.settings.spark.token)
        if not token:
            return remote
        whole = remote if "/;" in remote else f"{remote.rstrip('/')}/"
        # Only to the name localhost does the client send a token without TLS.
        tls = "" if urlsplit(remote).hostname == "localhost" else ";use_ssl=true"
        return f"{whole}{tls};token={quote(token, safe='')}"

    def _answering(self, server: Server) -> SparkSession | None:
        """Open a session and run a query, with a timeout, since a hung server accepts calls and never answers."""

        def ask() -> SparkSession:
            session = open_session(server.url)
            session.sql("select 1").collect()
            return session

        return within(self.settings.spark.answer_seconds, ask)

    def server(self) -> Server | None:
        """Return the server of the state file; None without one."""
        try:
            return Server(**json.loads((self.folder / "server.json").read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def _hold(self) -> None:
        """Hold the clients' shared lock while this process lives, so that the server is not stopped."""
        path = self.folder / "clients.lock"
        if path in _held:
            return
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = path.open("ab")
        fcntl.flock(handle, fcntl.LOCK_SH)
        os.utime(path)
        _held[path] = handle

    def _ensure(self) -> Server:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with FileLock(self.folder / "start.lock"):
            server = self.server()
            if server is not None and server.process() is not None and listening(server.port):
                return server
            if server is not None:
                self._kill(server)
            return self._start()

    def _start(self) -> Server:
        port, token = free_port(), secrets.token_urlsafe(24)
        log = self.folder / "server.log"
        env = self.settings.server_environment(token)
        self._write_conf(port)
        with private_log(log) as output:
            child = subprocess.Popen(
                self._command(), env=env, cwd=self.folder, start_new_session=True, close_fds=True,
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            )  # fmt: skip
        server = Server(child.pid, psutil.Process(child.pid).create_time(), port, token)
        replace_file(self.folder / "server.json", json.dumps(asdict(server)))
        deadline = time.monotonic() + START_SECONDS
        while not listening(port):
            if child.poll() is not None or time.monotonic() > deadline:
                self._kill(server)
                raise RetryableError(f"the Spark server did not start; the reason is at the end of {log}")
            time.sleep(0.2)
        (self.folder / CONF).unlink(missing_ok=True)
        (self.jar_folder() / "complete").touch()
        self._watch()
        return server

    def jar_folder(self) -> Path:
        """Cache folder of the jars that a start has resolved, by the requested packages."""
        packages = ",".join([DELTA, *self.settings.spark.packages])
        return self.settings.jar_cache / hashlib.sha256(packages.encode()).hexdigest()[:12]

    def _command(self) -> list[str]:
        """Build the command line of spark-submit: with cached jars if there are any, else with packages from Maven."""
        import pyspark

        cache = self.jar_folder()
        jars = sorted((cache / "jars").glob("*.jar")) if (cache / "complete").exists() else []
        cache.mkdir(parents=True, exist_ok=True)
        packages = ",".join([DELTA, *self.settings.spark.packages])
        by = ["--jars", ",".join(map(str, jars))] if jars else ["--packages", packages, "--exclude-packages", EXCLUDED]
        submit = str(Path(pyspark.__file__).parent / "bin" / "spark-submit")
        main = ["--class", "org.apache.spark.sql.connect.service.SparkConnectServer", "spark-internal"]
        return [submit, *by, "--properties-file", str(self.folder / CONF), *main]

    def _write_conf(self, port: int) -> None:
        """Write the server's settings to a file that only its owner may read. All users can see a command line."""
        own = {key: secret(value) if is_reference(value) else value for key, value in self.settings.spark.conf.items()}
        own["spark.driver.extraJavaOptions"] = f"{_LOGGING} {own.get('spark.driver.extraJavaOptions', '')}".strip()
        conf = {**_FIXED, **self._sized(port), "spark.jars.ivy": str(self.jar_folder()), **own}
        path = self.folder / CONF
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        path.write_text("".join(f"{_property(key)}={_property(value)}\n" for key, value in conf.items()))

    def _sized(self, port: int) -> dict[str, str]:
        spark = self.settings.spark
        return {
            "spark.master": f"local[{spark.cores}]",
            "spark.driver.memory": spark.memory,
            "spark.sql.shuffle.partitions": str(spark.shuffle_partitions),
            "spark.connect.grpc.binding.port": str(port),
            "spark.local.dir": str(self.folder / "scratch"),
            "spark.sql.warehouse.dir": str(self.folder / "warehouse"),
            "spark.sql.session.timeZone": self.settings.zone,
        }

    def _watch(self) -> None:
        command = [
            sys.executable,
            "-m",
            "quanyu.engine.server",
            str(self.folder),
            str(self.settings.spark.idle_seconds),
        ]
        with private_log(self.folder / "watch.log") as output:
            subprocess.Popen(
                command, env=child_environment({}), start_new_session=True, close_fds=True,
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            )  # fmt: skip

    def _kill(self, server: Server) -> None:
        end(server)
        shutil.rmtree(self.folder / "scratch", ignore_errors=True)
        (self.folder / CONF).unlink(missing_ok=True)

    def stop(self) -> bool:
        """Stop the home's server even if it is in use. Returns whether one was running."""
        _close(str(self.folder))
        server = self.server()
        running = server is not None and server.process() is not None
        if server is not None:
            self._kill(server)
            (self.folder / "server.json").unlink(missing_ok=True)
        return running

    def release(self) -> None:
        """Release the server: close this process's session and its clients' lock."""
        _close(self.settings.spark.remote or str(self.folder))
        handle = _held.pop(self.folder / "clients.lock", None)
        if handle is not None:
            os.utime(self.folder / "clients.lock")
            handle.close()


_FIXED = {
    "spark.connect.grpc.binding.address": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.databricks.delta.snapshotPartitions": "2",
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "4",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.log.level": "WARN",
}


def _property(text: str) -> str:
    """Escape a key or a value for a Java properties file, in ASCII."""
    units = text.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" if not _plain(units[at : at + 2]) else chr(units[at + 1])
                   for at in range(0, len(units), 2))  # fmt: skip


def _plain(unit: bytes) -> bool:
    return unit[0] == 0 and ((chr(unit[1]).isalnum() and unit[1] < 128) or unit[1] in b"._-/,")


@atexit.register
def _close_sessions() -> None:
    """Close every channel while threads still run. gRPC hangs if Spark's session is collected later."""
    for key in list(_sessions):
        _close(key)


def _close(key: str) -> None:
    opened = _sessions.pop(key, None)
    if opened is not None:
        close_session(opened[1])
