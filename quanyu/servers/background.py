"""Starts and stops Airflow's and MLflow's servers of a home, with all their child processes."""

from __future__ import annotations

import contextlib
import http.client
import json
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
from filelock import FileLock

from quanyu.config.settings import Settings, child_environment, of_steps
from quanyu.engine.spark import SparkEngine
from quanyu.errors import ConfigError, Problem, QuanyuError, RetryableError
from quanyu.private_files import private_log, replace_file
from quanyu.servers import airflow
from quanyu.servers.processes import (
    MARK,
    TERM_SECONDS,
    Service,
    all_processes,
    end,
    stop,
    watchers,
)

PORTS = {"airflow": airflow.PORT, "mlflow": 5000}
# MLflow opens with language models unless it is asked for trained ones.
PAGES = {"mlflow": "/#/experiments?workflowType=machine_learning"}
HEALTH = {"airflow": "/api/v2/monitor/health", "mlflow": "/health"}
ANSWER_SECONDS = 90.0


@dataclass(frozen=True)
class ServerAddress:
    """URL of a page, and its login if needed."""

    name: str
    url: str
    login: str = ""

    def __str__(self) -> str:
        return f"{self.name}: {self.url}{f'  ({self.login})' if self.login else ''}"


def services(settings: Settings) -> list[Service]:
    """List the servers of the home that run."""
    return [service for service in recorded_servers(settings) if service.process() is not None]


def recorded_servers(settings: Settings) -> list[Service]:
    """List the recorded servers of the home, running or not."""
    try:
        return [Service(**item) for item in json.loads(_state(settings).read_text())]
    except (OSError, ValueError, TypeError):
        return []


def _state(settings: Settings) -> Path:
    return settings.home / "server" / "services.json"


def _note(settings: Settings, running: Iterable[Service]) -> None:
    replace_file(_state(settings), json.dumps([asdict(service) for service in running]))


def up(
    settings: Settings,
    airflow_port: int = PORTS["airflow"],
    mlflow_port: int = PORTS["mlflow"],
    schedule: bool = False,
) -> list[ServerAddress]:
    """Start the servers that do not run yet, wait until all answer, and return the pages' addresses.

    Without `schedule` no scheduler is started, so that no DAG runs; a running scheduler stays. An external tracking
    server in the settings is not started.

    Raises ConfigError for a port that another program uses, RetryableError if a server does not answer in time.
    """
    with _alone(settings):
        running = {service.name: service for service in services(settings)}
        if "airflow" not in running:
            # They need the API server that has ended.
            end([running.pop(name) for name in ("dag-processor", "scheduler") if name in running])
        airflow_port = running["airflow"].port if "airflow" in running else airflow_port
        pages = {"airflow": airflow_port, **({} if settings.mlflow else {"mlflow": mlflow_port})}
        names = [*pages, "dag-processor", *(["scheduler"] if schedule else [])]
        missing = [name for name in names if name not in running]
        _check_ports({name: pages[name] for name in missing if name in pages})
        for name in missing:
            running[name] = _start(settings, name, pages.get(name, airflow_port))
            _note(settings, running.values())
        try:
            _await(settings, running)
        except QuanyuError:
            end([running[name] for name in missing])
            _note(settings, [service for name, service in running.items() if name not in missing])
            raise
    return [_address(settings, running[name]) for name in pages]


@contextlib.contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    folder = settings.home / "server"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with FileLock(folder / "services.lock"):
        yield


def _check_ports(wanted: dict[str, int]) -> None:
    words = "is in use by another program; stop that one, or give another port"
    problems = [Problem(f"--{name}-port", str(port), words) for name, port in wanted.items() if not is_free(port)]
    if problems:
        raise ConfigError(problems)


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of the loopback address."""
    with socket.socket() as probe:
        # As servers do, so that a recently closed connection does not count as a listener.
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
    # Airflow runs steps, which need the referenced secrets; MLflow does not.
    inherited = of_steps(settings.conf) if name in airflow.PARTS else ()
    with private_log(logs / f"{name}.log") as output:
        child = subprocess.Popen(
            command, env=child_environment({**extra, MARK: mark}, inherited), cwd=settings.home,
            start_new_session=True, close_fds=True, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
    own_port = port if name in PORTS else 0
    return Service(name, child.pid, psutil.Process(child.pid).create_time(), own_port, mark)


def _command(settings: Settings, name: str, port: int) -> tuple[list[str], dict[str, str]]:
    """Build the command line of a server, and its own environment variables."""
    if name == "mlflow":
        options = {"--backend-store-uri": settings.mlflow_url, "--artifacts-destination": settings.home / "mlruns",
                   "--host": "127.0.0.1", "--port": port, "--workers": 1}  # fmt: skip
        flags = [str(part) for option in options.items() for part in option]
        return [sys.executable, "-m", "mlflow", "server", *flags], airflow.own_environment(settings)
    airflow.password(settings)
    return airflow.command(*airflow.PARTS[name]), airflow.airflow_environment(settings, port)


def _await(settings: Settings, wanted: Mapping[str, Service]) -> None:
    deadline = time.monotonic() + ANSWER_SECONDS
    for name, service in wanted.items():
        log = settings.home / "logs" / f"{name}.log"
        while not _answers(service, wanted["airflow"].port):
            if service.process() is None:
                raise RetryableError(f"{name} ended soon after its start; the reason is at the end of {log}")
            if time.monotonic() > deadline:
                late = f"does not answer after {ANSWER_SECONDS:g} seconds and was stopped"
                raise RetryableError(f"{name} {late}; the reason is at the end of {log}")
            time.sleep(0.5)


def _answers(service: Service, airflow_port: int) -> bool:
    """Whether a page answers; for a part without a page, whether Airflow's API reports it as healthy."""
    connection = http.client.HTTPConnection("127.0.0.1", service.port or airflow_port, timeout=5)
    try:
        connection.request("GET", HEALTH.get(service.name, HEALTH["airflow"]))
        answer = connection.getresponse()
        if service.name in PORTS:
            return answer.status == 200
        health = json.loads(answer.read())[service.name.replace("-", "_")]
        return service.process() is not None and health["status"] == "healthy"
    except (OSError, http.client.HTTPException, ValueError, KeyError):
        return False
    finally:
        connection.close()


def _address(settings: Settings, service: Service) -> ServerAddress:
    login = f"user admin, password {airflow.password(settings)}" if service.name == "airflow" else ""
    return ServerAddress(service.name, f"{service.url}{PAGES.get(service.name, '')}", login)


def down(settings: Settings) -> list[str]:
    """Stop all servers of this home, the Spark server too, and return the names of those that ran.

    Raises RetryableError with the processes that could not be stopped.
    """
    engine = SparkEngine(settings)
    with _alone(settings):
        noted_services, spark, watching = recorded_servers(settings), engine.server(), watchers(engine.folder)
        running = [service.name for service in noted_services if all_processes([service])]
        running += ["spark"] if spark is not None and spark.process() is not None else []
        left = end(noted_services)
        engine.stop()
        # They would end by themselves some seconds later.
        left += stop(watching, "terminate", TERM_SECONDS)
        if left:
            pids = ",".join(str(process.pid) for process in left)
            raise RetryableError(f"some processes do not end; look at them with: ps -fp {pids}")
        _state(settings).unlink(missing_ok=True)
    return running
