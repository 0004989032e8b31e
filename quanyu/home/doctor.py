"""Checks of the machine and the home, each with its fix."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import pwd
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import psutil

from quanyu.config.settings import Settings, child_environment, environment
from quanyu.engine.session import engine_name, sail_version
from quanyu.engine.spark import SparkEngine
from quanyu.errors import ConfigError, QuanyuError
from quanyu.home import home_name as homes
from quanyu.home import migration
from quanyu.run import integrity
from quanyu.run.runner import Context
from quanyu.servers.background import PORTS, is_free, recorded_servers, services

JAVA, PYTHON = 17, (3, 11)
FREE_GB, BESIDE_ENGINE_GB = 5, 2
PINNED = ("pyspark", "deltalake", "apache-airflow", "mlflow")
OF_ENGINE = {"sail": ("pysail",), "spark": ("delta-spark",)}
# User ids of persons begin here; those below belong to services.
FIRST_PERSON = 500 if sys.platform == "darwin" else 1000
LOCK = Path(__file__).parents[2] / "requirements.lock"
GB = 1 << 30


@dataclass(frozen=True)
class Finding:
    """Result of one check: whether it passed, what was found, and how to fix it."""

    name: str
    ok: bool
    observed: str
    fix: str


def check(
    settings: Settings, airflow_port: int = PORTS["airflow"], mlflow_port: int = PORTS["mlflow"]
) -> list[Finding]:
    """Run every check that applies to the engine in use. Starts and changes nothing."""
    findings = [
        _python(),
        _engine(settings),
        *_versions(settings),
        _writable(settings),
        *_rights(settings),
        *_agreement(settings),
        _disk(settings),
    ]

    if _engine_of_settings(settings) == "sail":
        findings += [_memory("sail", settings.sail.memory)]
    elif _engine_of_settings(settings) == "spark" and settings.spark.remote is None:
        memory = _memory("spark", settings.spark.memory)
        findings += [_java(), memory, _jars(settings), _spark_state(settings)]
    findings += _without_login(settings)
    return [*findings, *_ports(settings, {"airflow": airflow_port, "mlflow": mlflow_port}), _service_state(settings)]


def _python() -> Finding:
    wanted, current = (".".join(map(str, version)) for version in (PYTHON, sys.version_info[:3]))
    mend = f"install Python {wanted} or later, remove .venv and make the environment anew with it"
    return Finding("python", sys.version_info >= PYTHON, current, mend)


def _engine_of_settings(settings: Settings) -> str | None:
    """Name of the engine in the settings; None if it is not available."""
    try:
        return engine_name(settings)
    except ConfigError:
        return None


def _engine(settings: Settings) -> Finding:
    mend = "leave engine out of base.yml for the embedded one, or set engine: spark, or spark.remote alone"
    try:
        name = engine_name(settings)
    except ConfigError as error:
        return Finding("engine", False, str(error), mend)
    how = "set" if settings.engine == name else "spark.remote is set" if settings.spark.remote else "chosen by itself"
    version = sail_version() if name == "sail" else importlib.metadata.version("pyspark")
    where = f" at {settings.spark.remote}" if settings.spark.remote else ""
    return Finding("engine", True, f"{'Sail' if name == 'sail' else 'Apache Spark'} {version}{where} ({how})", mend)


def _without_login(settings: Settings) -> Iterator[Finding]:
    """Servers on loopback without a login: any user of this machine could read data through them."""
    open_ports = [f"{service.name} ({service.url})" for service in services(settings) if service.name == "mlflow"]
    open_ports += ["Sail's port while a run lasts"] if _engine_of_settings(settings) == "sail" else []
    if not open_ports:
        return
    others = sorted(_other_users())
    shown = f"used by {', '.join(others)} too" if others else "nobody else runs programs here"
    mend = "others here could read through what has no token or login: set engine: spark in base.yml, and stop MLflow's"
    listed = f"{shown}; without login: {', '.join(open_ports)}"
    yield Finding("machine", not others, listed, f"{mend} page with quanyu down")


def _rights(settings: Settings) -> Iterator[Finding]:
    if settings.home.is_dir():
        look = settings.home.stat()
        own = look.st_uid == os.getuid() and not look.st_mode & 0o077
        shown = "its owner's alone" if own else f"open to others, or another user's ({look.st_mode & 0o777:03o})"
        yield Finding("rights of the home", own, shown, f"as its owner: chmod 700 {settings.home}")


def _agreement(settings: Settings) -> Iterator[Finding]:
    """Whether store, key and lake agree. A home without a run, or of an older release, has nothing recorded yet."""
    note = homes.recorded_home(settings)
    if note is None or not note.key:
        return
    try:
        homes.check_key(settings)
        with contextlib.closing(Context(settings, date.min)) as context:
            earlier, lost = migration.advice(context), integrity.losses(context)
    except QuanyuError as error:
        yield Finding("lake, store and key", False, str(error), "take all of the home from its last backup")
        return
    if earlier:
        yield Finding("form of the home", False, earlier, "back it up with quanyu backup, then call quanyu migrate")
        return
    words = "; ".join(f"{place}: {words}" for place, words in sorted(lost.items())) or "they agree"
    mend = "the next run makes again what steps can compute, and stops, with what to do, for what they cannot"
    yield Finding("lake, store and key", not lost, words, mend)


def _other_users() -> set[str]:
    """Names of other users that are logged in, or that run a program and have a login shell."""
    shells = {entry.pw_uid: entry for entry in pwd.getpwall() if not entry.pw_shell.endswith(("nologin", "false"))}
    running = {uids.real for process in psutil.process_iter(["uids"]) if (uids := process.info["uids"])}
    persons = {shells[uid].pw_name for uid in running if uid >= FIRST_PERSON and uid in shells}
    own = pwd.getpwuid(os.getuid()).pw_name if os.getuid() in shells else ""
    return (persons | {user.name for user in psutil.users()}) - {own}


def _java() -> Finding:
    mend = f"install Java {JAVA} or later (apt-get install openjdk-{JAVA}-jre-headless), or set JAVA_HOME to it"
    home = environment("JAVA_HOME")
    program = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    if program is None:
        return Finding("java", False, "no java on the path and no JAVA_HOME", mend)
    try:
        call = [program, "-version"]
        output = subprocess.run(
            call, env=child_environment({}), capture_output=True, text=True, timeout=20, check=True
        ).stderr
    except (OSError, subprocess.SubprocessError):
        return Finding("java", False, f"{program} does not run", mend)
    version = re.search(r'version "(\d+)[^"]*"', output)
    major = int(version[1]) if version else 0
    return Finding("java", major >= JAVA, f"{version[0] if version else 'version unknown'} ({program})", mend)


def _versions(settings: Settings) -> Iterator[Finding]:
    pins = _pins()
    mend = "remove .venv and make the environment anew: make run takes it from requirements.lock"
    for name in (*PINNED, *OF_ENGINE.get(_engine_of_settings(settings) or "", ())):
        try:
            installed = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            yield Finding(name, False, "not installed", mend)
            continue
        wanted = pins.get(name, installed)
        yield Finding(
            name,
            installed == wanted,
            installed if installed == wanted else f"{installed}, where {wanted} is pinned",
            mend,
        )


def _pins() -> dict[str, str]:
    """Versions of the lock file, or of our own requirements if there is no lock file."""
    text = LOCK.read_text(encoding="utf-8").splitlines() if LOCK.is_file() else importlib.metadata.requires("quanyu")
    matches = (re.match(r"([a-z0-9-]+)(?:\[[a-z0-9,-]+\])?==([^\s;\\]+)", line) for line in text or [])
    return {match[1]: match[2] for match in matches if match}


def _existing_folder(path: Path) -> Path:
    """The folder itself, or its nearest ancestor that exists."""
    return next(folder for folder in (path, *path.parents) if folder.exists())


def _writable(settings: Settings) -> Finding:
    at = _existing_folder(settings.home)
    ok = at.is_dir() and os.access(at, os.W_OK | os.X_OK)
    shown = f"{settings.home}{'' if at == settings.home else ', to be made'}{'' if ok else f': {at} cannot be written'}"
    return Finding("home", ok, shown, "give --home (or QUANYU_HOME) a folder that you may write to")


def _disk(settings: Settings) -> Finding:
    free = shutil.disk_usage(_existing_folder(settings.home)).free / GB
    mend = f"make room until {FREE_GB} GB are free there, or give --home a folder on another disk"
    return Finding("disk", free >= FREE_GB, f"{free:.1f} GB free at {settings.home}", mend)


def _memory(engine: str, size: str) -> Finding:
    asked, total = int(size[:-1]) / (1 if size[-1] == "g" else 1024), _machine_bytes() / GB
    mend = f"{BESIDE_ENGINE_GB} GB more than {engine}.memory are wanted: set {engine}.memory in base.yml to less"
    shown = f"{total:.1f} GB, of which the engine may take {size}"
    return Finding("memory", total >= asked + BESIDE_ENGINE_GB, shown, mend)


def _machine_bytes() -> int:
    """Memory of the machine, or the limit of its container, in bytes."""
    total = int(psutil.virtual_memory().total)
    for limit in (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes")):
        text = limit.read_text().strip() if limit.is_file() else ""
        total = min(total, int(text)) if text.isdigit() else total
    return total


def _jars(settings: Settings) -> Finding:
    cache = SparkEngine(settings).jar_folder()
    cached = (cache / "complete").exists() and any((cache / "jars").glob("*.jar"))
    shown = f"cached in {cache}" if cached else f"not cached yet; the first run fetches them to {cache}"
    mend = "without access to Maven Central, copy that folder from a machine where a run went through"
    return Finding("jars", True, shown, mend)


def _spark_state(settings: Settings) -> Finding:
    server = SparkEngine(settings).server() if settings.home.is_dir() else None
    stale = server is not None and server.process() is None
    words = " is gone, its state file is not" if stale else ""
    shown = "none running" if server is None else f"process {server.pid}{words}"
    return Finding("spark server", not stale, shown, "quanyu down clears it; the next run would replace it too")


def _service_state(settings: Settings) -> Finding:
    alive = services(settings)
    dead = [service.name for service in recorded_servers(settings) if service not in alive]
    running = ", ".join(f"{s.name} at {s.url}" if s.port else s.name for s in alive) or "none running"
    shown = f"{running}; ended without quanyu down: {', '.join(dead)}" if dead else running
    return Finding("pages", not dead, shown, "quanyu down clears it, then quanyu up starts them again")


def _ports(settings: Settings, wanted: dict[str, int]) -> Iterator[Finding]:
    own = {service.port: service.name for service in services(settings)}
    for name, port in wanted.items():
        free = is_free(port)
        who = f"{own[port]} of this home" if port in own else "another program"
        shown = "free" if free else f"in use by {who}"
        mend = f"stop the program that has it (ss -ltnp 'sport = :{port}'), or give quanyu up --{name}-port another one"
        yield Finding(f"port {port}", free or port in own, shown, mend)
