"""Settings in layers, lowest precedence first: defaults, base.yml, the environment's file, variables, command line."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import sys
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, quote, urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, ValidationError

from quanyu.config import codes
from quanyu.config.connections import check_database, plain_connections
from quanyu.config.layers import PREFIX, merged, place_in, problem_of, read_layers
from quanyu.config.sections import (
    AlertSettings,
    DropSettings,
    HoldoutSettings,
    InsightSettings,
    Keys,
    Mail,
    Models,
    Sail,
    SecretRef,
    Spark,
    Suppression,
    Url,
    Zone,
)
from quanyu.errors import ConfigError, Problem
from quanyu.grammar.bounds import LONGEST_DAYS, StrictModel
from quanyu.grammar.declaration import Problems
from quanyu.private_files import read_or_create


class Settings(StrictModel):
    """All settings of an installation, frozen once loaded."""

    name: str = Field(
        "quanyu", pattern=r"^[a-z][a-z0-9_-]{0,40}$", description="this home's name in all that leaves it"
    )
    machine: str = Field("", description="name of the machine, for containers, whose host names change by themselves")
    home: Path = Field(description="folder of all that runs make; without it .quanyu")
    conf: Path
    data: Path = Field(description="where the paths of sources that begin with data:/ lie; without it ../shared/data")
    landing: Path = Field(description="folder that feeds deliver to; without it `landing` of the home")
    zone: Zone = Field("Asia/Shanghai", description="the retailer's time zone: when a day ends")
    region: Annotated[str, AfterValidator(codes.region)] = Field("CN", description="default region of phone numbers")
    currency: Annotated[str, AfterValidator(codes.currency)] = Field("CNY", description="currency of amounts")
    engine: Literal["auto", "sail", "spark"] = Field("auto", description="auto is Sail where its wheel is installed")
    sail: Sail = Field(Sail(), description="the embedded engine")
    models: Models = Field(Models(), description="training of models")
    spark: Spark = Field(Spark(), description="Apache Spark, local or a cluster")
    mail: Mail = Field(Mail(), description="how e-mail is sent")
    drop: DropSettings = Field(DropSettings(), description="where the platform `drop` writes files")
    keys: Keys = Field(Keys(), description="the key of person_key hashes")
    suppression: Suppression = Field(Suppression(), description="when a contact is left alone after a refusal")
    alerts: AlertSettings = Field(AlertSettings(), description="who is told of what went wrong")
    holdout: HoldoutSettings = Field(HoldoutSettings(), description="who is left alone by everything that is sent")
    insight: InsightSettings = Field(InsightSettings(), description="warnings and reports of audiences")
    store: SecretRef = Field(
        "", description="postgresql+psycopg:// address of the store; without one a file of the home"
    )
    mlflow: Url | None = Field(
        None, pattern="^https?://", description="address of an MLflow tracking server; without one a file of the home"
    )
    plain_hosts: tuple[str, ...] = Field((), description="hosts of your own network that are reached without TLS")
    schedule: bool = Field(False, description="whether `quanyu up` runs the DAGs by the clock, as with --schedule")
    catch_up_days: int = Field(
        7, ge=0, le=LONGEST_DAYS, description="skipped days before a run's that audiences are evaluated for"
    )
    reentry_days: int = Field(
        30, ge=0, le=LONGEST_DAYS, description="shortest time between two entries of a person into a journey"
    )
    quiet_days: int = Field(
        1, ge=0, le=LONGEST_DAYS, description="shortest time between two messages to a person, over all journeys"
    )
    retention_days: int = Field(90, ge=7, le=LONGEST_DAYS, description="how long older versions of tables can be read")
    metric_days: int = Field(
        400, ge=1, le=LONGEST_DAYS, description="days up to the run's that metrics are computed of and corrected"
    )
    survivorship: dict[str, tuple[str, ...]] = Field(
        {}, description="per column of customers, whose value counts: sources, the first one first"
    )

    @property
    def lake(self) -> Path:
        """Root of every Delta table."""
        return self.home / "lake"

    @property
    def store_url(self) -> str:
        """URL of the operational store, with its password if the setting refers to one. Raises ConfigError."""
        url = secret(self.store)
        if url:
            parts = urlsplit(url)
            mode = dict(parse_qsl(parts.query)).get("sslmode")
            check_database([parts.hostname or ""], mode, self.plain_hosts)
        return url or sqlite_url(self.home / "store.db")

    @property
    def mlflow_url(self) -> str:
        """URL of the tracking server, or of MLflow's own database."""
        return self.mlflow or sqlite_url(self.home / "mlflow.db")

    @property
    def jar_cache(self) -> Path:
        """Cache folder of Maven's jars, shared by all homes of this user."""
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        return Path(base) / "quanyu" / "jars"

    @property
    def tzinfo(self) -> ZoneInfo:
        """The retailer's time zone."""
        return ZoneInfo(self.zone)

    def server_environment(self, token: str) -> dict[str, str]:
        """Environment of the Spark server: variables for Java and Maven, its token, and the Python of its workers."""
        environment = {name: os.environ[name] for name in _NEEDED_BY_SPARK if name in os.environ}
        return {**environment, "SPARK_CONNECT_AUTHENTICATE_TOKEN": token, "PYSPARK_PYTHON": sys.executable}


_NEEDED_BY_SPARK = (
    "PATH", "HOME", "USER", "TMPDIR", "LANG", "LC_ALL", "JAVA_HOME", "http_proxy", "https_proxy", "no_proxy",
)  # fmt: skip
_NEEDED = (
    *_NEEDED_BY_SPARK, "LOGNAME", "LC_*", "TZ", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV",
    "XDG_CACHE_HOME", "SSL_CERT_*", "REQUESTS_CA_BUNDLE", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "LD_LIBRARY_PATH",
)  # fmt: skip
# Airflow's and MLflow's own variables, those of S3, and ours.
_OF_STEPS = ("AIRFLOW_*", "MLFLOW_*", "AWS_*", "QUANYU_*", "SAIL_*")


def sqlite_url(database: Path) -> str:
    """URL of an SQLite file. Only characters that would end or change the path are encoded.

    MLflow creates the folder from the URL's path without decoding it.
    """
    return "sqlite:///" + re.sub(r"\?|%(?=[0-9A-Fa-f]{2})", lambda sign: quote(sign[0]), str(database))


def secret(reference: str) -> str:
    """Resolve a reference to a secret; an empty reference gives an empty string. Raises ConfigError."""
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
    except UnicodeDecodeError:
        raise ConfigError(f"secret {reference}: the file is no text in UTF-8") from None


def person_key_secret(settings: Settings) -> bytes:
    """Return the secret key of person_key hashes: the one in the settings, or the home's own.

    Raises ConfigError if a home with facts has lost its own key.
    """
    if settings.keys.person:
        return secret(settings.keys.person).encode()
    path = settings.home / "person.key"
    if not path.exists():
        if has_facts(settings):
            raise ConfigError(
                f"{path} is missing, the key with which the facts in {settings.lake} were made: put it back, or restore"
                " the whole home from its last backup (quanyu restore)"
            )
        read_or_create(path, secrets.token_hex(32))
    return path.read_bytes().strip()


def has_facts(settings: Settings) -> bool:
    """Whether the home's lake contains published facts."""
    return any(settings.lake.glob("silver/*/_delta_log")) or any(settings.lake.glob("gold/*/_delta_log"))


def environment(name: str, default: str = "") -> str:
    """Read one environment variable. All other modules use this function."""
    return os.environ.get(name) or default


def child_environment(extra: Mapping[str, str], inherited: Iterable[str] = ()) -> dict[str, str]:
    """Environment of a child process: basic variables, without credentials.

    `inherited` lists further variables to pass on if set; `NAME*` stands for all that begin with NAME. The virtual
    environment's programs are on its path.
    """
    wanted = [*_NEEDED, *inherited]
    variables = {name: value for name, value in os.environ.items() if any(fnmatchcase(name, one) for one in wanted)}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return {**variables, "PATH": path, **extra}


def of_steps(conf: Path) -> list[str]:
    """List the variables that a process which runs steps inherits, including those that the conf folder refers to."""
    texts = [os.environ[name] for name in os.environ if name.startswith(PREFIX)]
    files = (path for path in conf.rglob("*.yml") if path.is_file())
    texts += [path.read_text(encoding="utf-8", errors="replace") for path in files]
    return [*_OF_STEPS, *{name for text in texts for name in re.findall(r"\benv:(\w+)", text)}]


def set_environment(values: Mapping[str, str]) -> None:
    """Set environment variables, such as Airflow's, which a library reads when it is imported."""
    os.environ.update(values)


def keep_private(home: Path) -> None:
    """Set a umask of 077 for this process and its children, and make an existing home private."""
    os.umask(0o077)
    if home.is_dir() and home.stat().st_uid == os.getuid() and home.stat().st_mode & 0o077:
        # On a read-only disk, the first write reports the fault.
        with contextlib.suppress(OSError):
            home.chmod(0o700)


def load_settings(conf: Path | str | None = None, home: Path | str | None = None) -> Settings:
    """Read the layers of one conf folder. Raises ConfigError with every mistake in them."""
    settings, problems = read_settings(conf, home)
    problems.check()
    return settings


def _places(conf: Path, home: Path | str | None, values: Mapping[str, Any]) -> dict[str, Path]:
    """Absolute folders of an installation. A relative one is below the current working folder.

    Arguments override variables, variables override files, and files override defaults.
    """

    def place(name: str, default: Path | str, typed: Path | str | None = None) -> Path:
        chosen = typed or environment(f"QUANYU_{name.upper()}") or values.get(name) or default
        return Path(chosen if isinstance(chosen, str | Path) else default).resolve()

    base = place("home", ".quanyu", home)
    landing = place("landing", base / "landing")
    return {"home": base, "conf": conf, "data": place("data", "../shared/data"), "landing": landing}


def _misplaced(places: Mapping[str, Path], values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if "conf" in values:
        yield "conf", "not to be given: give --conf or QUANYU_CONF"
    for name, place in places.items():
        if name in values and not isinstance(values[name], str):
            yield name, "the path of a folder is wanted"
        elif not (there := next(one for one in (place, *place.parents) if one.exists())).is_dir():
            yield name, f"{there} is a file and no folder: name another, or move it away"


def read_settings(conf: Path | str | None = None, home: Path | str | None = None) -> tuple[Settings, Problems]:
    """Read the layers, with a list of all mistakes. Sections with a mistake get their defaults.

    Raises ConfigError if there is no conf folder.
    """
    folder = Path(conf or environment("QUANYU_CONF", "conf")).resolve()
    if not (folder / "base.yml").is_file():
        raise ConfigError(
            Problem(str(folder), "", "not a conf folder: base.yml is missing; give --conf or QUANYU_CONF")
        )
    problems = Problems()
    layers = read_layers(folder, environment("QUANYU_ENV"), os.environ, problems)
    values = merged([layer for _, layer in layers])
    places = _places(folder, home, values)
    for name, fault in _misplaced(places, values):
        problems.add(*place_in(layers, [name]), fault)
    keep_private(places["home"])
    all_values = {**values, **places}
    try:
        settings = Settings.model_validate(all_values)
        for key, words in plain_connections(settings):
            problems.add(*place_in(layers, key), words)
        return settings, problems
    except ValidationError as error:
        problems.found += [problem_of(Settings, layers, item) for item in error.errors()]
        wrong = {item["loc"][0] for item in error.errors()} - set(places)
    sound = {key: value for key, value in all_values.items() if key not in wrong}
    return Settings.model_validate({**sound, **places}), problems
