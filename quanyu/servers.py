"""Airflow's and MLflow's pages on a home: started apart from us, noted, and stopped with all that they left behind."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
from filelock import FileLock

from quanyu.engine.spark import SparkEngine
from quanyu.errors import ConfigError, Problem, QuanyuError, RetryableError
from quanyu.processes import MARK, TERM_SECONDS, Service, end, family, stop, watchers
from quanyu.settings import Settings, child_environment, of_steps

PORTS = {"airflow": 8080, "mlflow": 5000}
HEALTH = {"airflow": "/api/v2/monitor/health", "mlflow": "/health"}
ANSWER_SECONDS = 90.0


@dataclass(frozen=True)
class Address:
    """Where a page is, and how to log in where that is asked for."""

    name: str
    url: str
    login: str = ""

    def __str__(self) -> str:
        return f"{self.name}: {self.url}{f'  ({self.login})' if self.login else ''}"


def airflow_environment(settings: Settings, port: int = PORTS["airflow"]) -> dict[str, str]:
    """Give the variables under which Airflow works on this home, in a server or in our own process."""
    home = settings.home / "airflow"
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    url = f"http://127.0.0.1:{port}"
    options = {
        "CORE__DAGS_FOLDER": str(Path(__file__).parents[1] / "dags"),
        "CORE__LOAD_EXAMPLES": "False",
        # Our DAG files name the house, not Airflow, so a look for that word would pass them over.
        "CORE__DAG_DISCOVERY_SAFE_MODE": "False",
        "CORE__EXECUTOR": "LocalExecutor",
        "CORE__PARALLELISM": "2",
        "CORE__AUTH_MANAGER": "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager",
        "CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
        "CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "CORE__FERNET_KEY": _once(home / "fernet.key", base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()),
        # The full name would be asked of a name server, which may be slow or absent.
        "CORE__HOSTNAME_CALLABLE": "socket.gethostname",
        "API__HOST": "127.0.0.1",
        "API__PORT": str(port),
        "API__BASE_URL": url,
        "API__WORKERS": "1",
        "API__SECRET_KEY": _once(home / "api.key", secrets.token_hex(32)),
        "API_AUTH__JWT_SECRET": _once(home / "jwt.key", secrets.token_hex(32)),
        "DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        "LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
        "LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY": str(home / "logs" / "dag_processor"),
        # Else it widens the rights of its folders and files of logs.
        "LOGGING__FILE_TASK_HANDLER_NEW_FOLDER_PERMISSIONS": "0o700",
        "LOGGING__FILE_TASK_HANDLER_NEW_FILE_PERMISSIONS": "0o600",
        "USAGE_DATA_COLLECTION__ENABLED": "False",
    }
    named = {f"AIRFLOW__{key}": value for key, value in options.items()}
    return {"AIRFLOW_HOME": str(home), **named, **_own(settings)}


def _own(settings: Settings) -> dict[str, str]:
    """Variables by which our code finds the same home in another process; nothing is told to anyone outside."""
    places = {"HOME": settings.home, "CONF": settings.conf, "DATA": settings.data}
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    return {**{f"QUANYU_{name}": str(path) for name, path in places.items()}, **quiet}


def _once(path: Path, made: str) -> str:
    """Return what the file holds, which is what its first maker put in; nobody else may read it."""
    if not path.exists():
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        fresh.touch(mode=0o600)
        fresh.write_text(made)
        with contextlib.suppress(FileExistsError):
            os.link(fresh, path)
        fresh.unlink()
    return path.read_text().strip()


def password(settings: Settings) -> str:
    """Return the password of Airflow's user admin, made on the first call."""
    path = settings.home / "airflow" / "passwords.json"
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return str(json.loads(_once(path, json.dumps({"admin": secrets.token_urlsafe(12)})))["admin"])


def services(settings: Settings) -> list[Service]:
    """List the servers of the home that are alive."""
    return [service for service in noted(settings) if service.process() is not None]


def noted(settings: Settings) -> list[Service]:
    """List the servers of the home as they were noted, alive or not."""
    try:
        return [Service(**item) for item in json.loads(_state(settings).read_text())]
    except (OSError, ValueError, TypeError):
        return []


def _state(settings: Settings) -> Path:
    return settings.home / "server" / "services.json"


def _note(settings: Settings, found: Iterable[Service]) -> None:
    fresh = _state(settings).with_suffix(".new")
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps([asdict(service) for service in found]))
    fresh.replace(_state(settings))


def up(settings: Settings, airflow_port: int = PORTS["airflow"], mlflow_port: int = PORTS["mlflow"]) -> list[Address]:
    """Start what does not run yet, wait until all of it answers, and return where it is.

    A tracking server that the settings name is not ours to start.

    Raises ConfigError for a port that another program has, RetryableError when a server does not answer in time.
    """
    with _alone(settings):
        found = {service.name: service for service in services(settings)}
        wanted = {"airflow": airflow_port, **({} if settings.mlflow else {"mlflow": mlflow_port})}
        missing = {name: port for name, port in wanted.items() if name not in found}
        _check_ports(missing)
        for name, port in missing.items():
            found[name] = _start(settings, name, port)
            _note(settings, found.values())
        try:
            _await(settings, list(found.values()))
        except QuanyuError:
            end([found[name] for name in missing])
            _note(settings, [service for name, service in found.items() if name not in missing])
            raise
    return [_address(settings, service) for service in found.values()]


@contextlib.contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    folder = settings.home / "server"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with FileLock(folder / "services.lock"):
        yield


def _check_ports(wanted: dict[str, int]) -> None:
    words = "is in use by another program; stop that one, or give another port"
    taken = [Problem(f"--{name}-port", str(port), words) for name, port in wanted.items() if not is_free(port)]
    if taken:
        raise ConfigError(taken)


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of the loopback address."""
    with socket.socket() as probe:
        # As servers do, so that a connection that has just ended is not taken for a listener.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _start(settings: Settings, name: str, port: int) -> Service:
    mark, logs = secrets.token_hex(8), settings.home / "logs"
    logs.mkdir(parents=True, exist_ok=True, mode=0o700)
    command, extra = _command(settings, name, port)
    # Airflow performs steps; what they refer to opens nothing for MLflow.
    inherited = of_steps(settings.conf) if name == "airflow" else ()
    with (logs / f"{name}.log").open("ab") as output:
        child = subprocess.Popen(
            command, env=child_environment({**extra, MARK: mark}, inherited), cwd=settings.home,
            start_new_session=True, close_fds=True, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
    return Service(name, child.pid, psutil.Process(child.pid).create_time(), port, mark)


def _command(settings: Settings, name: str, port: int) -> tuple[list[str], dict[str, str]]:
    """Build the call of a server and its own part of the environment."""
    if name == "mlflow":
        options = {"--backend-store-uri": settings.mlflow_url, "--artifacts-destination": settings.home / "mlruns",
                   "--host": "127.0.0.1", "--port": port, "--workers": 1}  # fmt: skip
        flags = [str(part) for option in options.items() for part in option]
        return [sys.executable, "-m", "mlflow", "server", *flags], _own(settings)
    password(settings)
    # Its servers of logs cannot be told apart by home, and are not needed where the files lie.
    ports = {f"AIRFLOW__LOGGING__{which}_LOG_SERVER_PORT": str(_any_port()) for which in ("WORKER", "TRIGGER")}
    return [sys.executable, "-m", "airflow", "standalone"], {**airflow_environment(settings, port), **ports}


def _any_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await(settings: Settings, wanted: Sequence[Service]) -> None:
    deadline = time.monotonic() + ANSWER_SECONDS
    for service in wanted:
        log = settings.home / "logs" / f"{service.name}.log"
        while not _answers(service):
            if service.process() is None:
                raise RetryableError(f"{service.name} ended soon after its start; the reason is at the end of {log}")
            if time.monotonic() > deadline:
                late = f"does not answer after {ANSWER_SECONDS:g} seconds and was stopped"
                raise RetryableError(f"{service.name} {late}; the reason is at the end of {log}")
            time.sleep(0.5)


def _answers(service: Service) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=5)
    try:
        connection.request("GET", HEALTH[service.name])
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _address(settings: Settings, service: Service) -> Address:
    login = f"user admin, password {password(settings)}" if service.name == "airflow" else ""
    return Address(service.name, service.url, login)


def down(settings: Settings) -> list[str]:
    """Stop all that runs on this home, the Spark server too, and return what was running.

    Raises RetryableError that names the processes which could not be stopped.
    """
    engine = SparkEngine(settings)
    with _alone(settings):
        known, spark, watching = noted(settings), engine.server(), watchers(engine.folder)
        running = [service.name for service in known if family([service])]
        running += ["spark"] if spark is not None and spark.process() is not None else []
        left = end(known)
        engine.stop()
        # They would see by themselves that the server is gone, but some seconds later.
        left += stop(watching, "terminate", TERM_SECONDS)
        if left:
            pids = ",".join(str(process.pid) for process in left)
            raise RetryableError(f"some processes do not end; look at them with: ps -fp {pids}")
        _state(settings).unlink(missing_ok=True)
    return running
