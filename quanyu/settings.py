"""Settings in layers: base.yml, then the environment's own file, then variables QUANYU__SECTION__KEY."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from quanyu.declare import Problems
from quanyu.errors import ConfigError, Problem, nearest
from quanyu.layers import merged, problem_of, read_layers


class Part(BaseModel):
    """A frozen group of settings that refuses keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _is_reference(text: Any) -> Any:
    if text not in ("", None) and not str(text).startswith(("env:", "file:")):
        raise ValueError("a secret is given by reference only: env:NAME or file:PATH")
    return text


def _is_zone(text: str) -> str:
    if text not in available_timezones():
        near = nearest(text, available_timezones())
        told = near.partition(" allowed:")[0] if near.startswith("did") else "allowed: names such as Asia/Shanghai"
        raise ValueError(f"not a time zone; {told}")
    return text


# Before the type is looked at, whose error would show a password of digits.
SecretRef = Annotated[str, BeforeValidator(_is_reference)]
Zone = Annotated[str, AfterValidator(_is_zone)]


def _bytes(size: str) -> int:
    return int(size[:-1]) << (30 if size.endswith("g") else 20)


class Sail(Part):
    """The embedded engine: what its process may take."""

    memory: str = Field("8g", pattern=r"^\d+[gm]$", description="beyond it the process ends, and the step is retried")
    cores: int = Field(2, ge=1)

    @property
    def limits(self) -> tuple[int, int]:
        """Bytes of memory in use, and of address space, most of which threads and allocators never touch."""
        return _bytes(self.memory), 4 * _bytes(self.memory) + (4 << 30)

    @property
    def pool_bytes(self) -> int:
        """Bytes that sorts and aggregates may hold before they spill to disk; joins and decoding come on top."""
        return _bytes(self.memory) // 2


class Spark(Part):
    """Apache Spark: the address of a cluster, or the size of the local server."""

    remote: str | None = Field(
        None, description="sc:// address of a cluster, which means `engine: spark`; without one a local server is used"
    )
    memory: str = Field("3g", pattern=r"^\d+[gm]$")
    cores: int = Field(2, ge=1)
    shuffle_partitions: int = Field(4, ge=1)
    packages: tuple[str, ...] = Field((), description="further Maven coordinates, e.g. JDBC drivers")
    conf: dict[str, str] = Field({}, description="further Spark settings of the server")
    idle_seconds: float = Field(900, gt=0)
    answer_seconds: float = Field(60, gt=0)


class Mail(Part):
    """How e-mail leaves: into a folder of .eml files (the default) or through an SMTP server."""

    channel: str = Field("eml", pattern="^(eml|smtp)$")
    sender: str = "Quanyu <noreply@localhost>"
    host: str = "127.0.0.1"
    port: int = Field(25, ge=1, le=65535)
    starttls: bool = False
    username: SecretRef = ""
    password: SecretRef = ""
    timeout_seconds: float = Field(30, gt=0)


class Drop(Part):
    """Where seed files are dropped: an S3 bucket, or a folder of the home when no bucket is set."""

    bucket: str | None = Field(None, pattern=r"^s3://.+")
    endpoint: str | None = None
    region: str = "us-east-1"
    access_key: SecretRef = ""
    secret_key: SecretRef = ""
    max_rows: int = Field(1_000_000, ge=1)


class Keys(Part):
    """The key under which person keys are hashed; without a reference the home makes one of its own."""

    person: SecretRef = ""


class Settings(Part):
    """Everything that may differ between two installations; frozen once loaded."""

    home: Path
    conf: Path
    data: Path = Field(description="where the paths of sources that begin with data:/ lie")
    landing: Path
    zone: Zone = "Asia/Shanghai"
    region: str = Field("CN", pattern="^[A-Z]{2}$", description="default region of phone numbers")
    currency: str = Field("CNY", pattern="^[A-Z]{3}$")
    engine: Literal["auto", "sail", "spark"] = Field("auto", description="auto is Sail where its wheel is installed")
    sail: Sail = Sail()
    spark: Spark = Spark()
    mail: Mail = Mail()
    drop: Drop = Drop()
    keys: Keys = Keys()
    store: SecretRef = Field(
        "", description="postgresql+psycopg:// address of the store; without one a file of the home"
    )
    mlflow: str | None = Field(
        None, pattern="^https?://", description="address of an MLflow tracking server; without one a file of the home"
    )
    catch_up_days: int = Field(7, ge=0, description="skipped days before a run's that audiences are evaluated for")
    reentry_days: int = Field(30, ge=0, description="shortest time between two entries of a person into a journey")
    quiet_days: int = Field(1, ge=0, description="shortest time between two messages to a person, over all journeys")
    retention_days: int = Field(90, ge=7, description="how long older versions of tables can be read")
    wins: dict[str, tuple[str, ...]] = Field(
        {}, description="per column of customers, which source wins, first to last"
    )

    @property
    def lake(self) -> Path:
        """Root of every Delta table."""
        return self.home / "lake"

    @property
    def store_url(self) -> str:
        """Address of the operational store. Holds a password where the setting refers to one."""
        return secret(self.store) or f"sqlite:///{self.home / 'store.db'}"

    @property
    def mlflow_url(self) -> str:
        """Address of the tracking server, or of MLflow's own database."""
        return self.mlflow or f"sqlite:///{self.home / 'mlflow.db'}"

    @property
    def jar_cache(self) -> Path:
        """Where Maven's jars are kept, for all homes of this user."""
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        return Path(base) / "quanyu" / "jars"

    @property
    def tzinfo(self) -> ZoneInfo:
        """The retailer's zone."""
        return ZoneInfo(self.zone)

    def server_environment(self, token: str) -> dict[str, str]:
        """Environment of the Spark server: what Java and Maven need, its token, and the Python that its workers run."""
        environment = {name: os.environ[name] for name in _NEEDED_BY_SPARK if name in os.environ}
        return {**environment, "SPARK_CONNECT_AUTHENTICATE_TOKEN": token, "PYSPARK_PYTHON": sys.executable}


_NEEDED_BY_SPARK = (
    "PATH", "HOME", "USER", "TMPDIR", "LANG", "LC_ALL", "JAVA_HOME", "http_proxy", "https_proxy", "no_proxy",
)  # fmt: skip


def secret(reference: str) -> str:
    """Fetch what a reference stands for; the empty reference gives the empty string. Raises ConfigError."""
    kind, _, where = reference.partition(":")
    if not reference:
        return ""
    if kind == "env":
        if where not in os.environ:
            raise ConfigError(f"secret {reference}: the environment variable is not set")
        return os.environ[where]
    try:
        return Path(where).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigError(f"secret {reference}: {error.strerror}") from None


def person_key_secret(settings: Settings) -> bytes:
    """Return the key under which person keys are hashed: the one referred to, or one that the home made for itself."""
    if settings.keys.person:
        return secret(settings.keys.person).encode()
    path = settings.home / "person.key"
    if not path.exists():
        settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = path.with_name(f"person.key.{os.getpid()}")
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_hex(32))
        with contextlib.suppress(FileExistsError):
            os.link(fresh, path)
        fresh.unlink()
    return path.read_text().strip().encode()


def environment(name: str, default: str = "") -> str:
    """Read one environment variable; the only way the rest of the code may."""
    return os.environ.get(name) or default


def child_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Environment for a process of ours, such as Airflow's, with the virtual environment's programs on its path."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return {**os.environ, "PATH": path, **extra}


def set_environment(values: Mapping[str, str]) -> None:
    """Set variables that a library reads when it is imported, such as Airflow's."""
    os.environ.update(values)


def load_settings(conf: Path | str | None = None, home: Path | str | None = None) -> Settings:
    """Read the layers of one conf folder. Raises ConfigError with every mistake in them."""
    settings, problems = read_settings(conf, home)
    problems.check()
    return settings


def read_settings(conf: Path | str | None = None, home: Path | str | None = None) -> tuple[Settings, Problems]:
    """Read the layers with every mistake in them; sections with a mistake have their defaults.

    Raises ConfigError where there is no conf folder at all.
    """
    folder = Path(conf or environment("QUANYU_CONF", "conf")).resolve()
    if not (folder / "base.yml").is_file():
        raise ConfigError(
            Problem(str(folder), "", "not a conf folder: base.yml is missing; give --conf or QUANYU_CONF")
        )
    place = Path(home or environment("QUANYU_HOME", ".quanyu")).resolve()
    data = Path(environment("QUANYU_DATA", "../shared/data")).resolve()
    places = {"home": place, "conf": folder, "data": data, "landing": place / "landing"}
    problems = Problems()
    layers = read_layers(folder, environment("QUANYU_ENV"), os.environ, problems)
    given = {**places, **merged([layer for _, layer in layers])}
    try:
        return Settings.model_validate(given), problems
    except ValidationError as error:
        problems.found += [problem_of(Settings, layers, item) for item in error.errors()]
        wrong = {item["loc"][0] for item in error.errors()} - set(places)
    sound = {key: value for key, value in given.items() if key not in wrong}
    return Settings.model_validate({**sound, **places}), problems
