"""Airflow on a home: its environment variables, commands and secrets."""

from __future__ import annotations

import base64
import json
import secrets
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from quanyu import imports
from quanyu.config.settings import Settings, child_environment, of_steps, set_environment, sqlite_url
from quanyu.private_files import read_or_create
from quanyu.run.scheduler import Scheduler

PORT = 8080
# A scheduler would take over every run in its database. So a manual run uses a second database while a scheduler runs.
DATABASE, BESIDE_CLOCK = "airflow.db", "by_hand.db"
# What `airflow standalone` would start, without the triggerer, which no task needs, and without the log servers, which
# listen on every address.
PARTS = {
    "airflow": ("api-server",),
    "dag-processor": ("dag-processor",),
    "scheduler": ("scheduler", "--skip-serve-logs"),
}


def command(*words: str) -> list[str]:
    """Build the command line of one of Airflow's own commands."""
    return [sys.executable, "-m", "airflow", *words]


def call(settings: Settings, words: Sequence[str]) -> int:
    """Run one of Airflow's own commands on the home in this terminal, and return its exit code."""
    set_up(settings)
    return subprocess.run(command(*words), env=child_environment({}, of_steps(settings.conf)), check=False).returncode


def set_up(settings: Settings, port: int = PORT) -> None:
    """Set up Airflow on the home for this process and its children. Creates its database if it is missing."""
    set_environment(airflow_environment(settings, port))
    scheduler = imports.only(Scheduler)
    scheduler.prepare(settings.home, DATABASE)
    scheduler.show(settings.home, DATABASE)


def airflow_environment(settings: Settings, port: int = PORT, database: str = DATABASE) -> dict[str, str]:
    """Return the environment variables for Airflow on this home, in a server or in this process."""
    home = settings.home / "airflow"
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    url = f"http://127.0.0.1:{port}"
    options = {
        "CORE__DAGS_FOLDER": str(Path(__file__).parents[2] / "dags"),
        # Dates on its command line, such as those of a backfill, are in the retailer's zone.
        "CORE__DEFAULT_TIMEZONE": settings.zone,
        "CORE__LOAD_EXAMPLES": "False",
        # Our DAG files do not contain the word "airflow", so safe mode would skip them.
        "CORE__DAG_DISCOVERY_SAFE_MODE": "False",
        "CORE__EXECUTOR": "LocalExecutor",
        # One task at a time, so that two DAGs cannot both take the turn.
        "CORE__PARALLELISM": "1",
        "CORE__AUTH_MANAGER": "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager",
        "CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
        "CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "CORE__FERNET_KEY": read_or_create(
            home / "fernet.key", base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
        ),
        # The default resolves the full name by DNS, which may be slow or absent.
        "CORE__HOSTNAME_CALLABLE": "socket.gethostname",
        "API__HOST": "127.0.0.1",
        "API__PORT": str(port),
        "API__BASE_URL": url,
        "API__WORKERS": "1",
        "API__SECRET_KEY": read_or_create(home / "api.key", secrets.token_hex(32)),
        "API_AUTH__JWT_SECRET": read_or_create(home / "jwt.key", secrets.token_hex(32)),
        "DATABASE__SQL_ALCHEMY_CONN": sqlite_url(home / database),
        "LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
        "LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY": str(home / "logs" / "dag_processor"),
        # The defaults would open log folders and files to other users.
        "LOGGING__FILE_TASK_HANDLER_NEW_FOLDER_PERMISSIONS": "0o700",
        "LOGGING__FILE_TASK_HANDLER_NEW_FILE_PERMISSIONS": "0o600",
        "USAGE_DATA_COLLECTION__ENABLED": "False",
    }
    named = {f"AIRFLOW__{key}": value for key, value in options.items()}
    return {"AIRFLOW_HOME": str(home), **named, **own_environment(settings)}


def own_environment(settings: Settings) -> dict[str, str]:
    """Environment variables by which another process finds the same home. Telemetry of libraries is off."""
    places = {"HOME": settings.home, "CONF": settings.conf, "DATA": settings.data}
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    return {**{f"QUANYU_{name}": str(path) for name, path in places.items()}, **quiet}


def password(settings: Settings) -> str:
    """Return the password of Airflow's user `admin`. The first call creates it."""
    path = settings.home / "airflow" / "passwords.json"
    return str(json.loads(read_or_create(path, json.dumps({"admin": secrets.token_urlsafe(12)})))["admin"])
