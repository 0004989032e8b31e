"""Sections of the settings: engines, mail, seed files, insight, alerts, keys; and references to secrets."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, Field

from quanyu.config.connections import is_loopback, referred, without_login
from quanyu.errors import nearest
from quanyu.grammar.bounds import LONGEST_DAYS, LONGEST_HOURS, LONGEST_SECONDS, MOST, StrictModel
from quanyu.grammar.declaration import Share


def is_reference(text: str) -> bool:
    """Whether a setting is a reference to a secret (env:NAME or file:PATH)."""
    return text.startswith(("env:", "file:"))


def _is_reference(text: Any) -> Any:
    if text not in ("", None) and not is_reference(str(text)):
        raise ValueError("a secret is given by reference only: env:NAME or file:PATH")
    return text


def _is_zone(text: str) -> str:
    if text not in available_timezones():
        near = nearest(text, available_timezones())
        hint = near.partition(" allowed:")[0] if near.startswith("did") else "allowed: names such as Asia/Shanghai"
        raise ValueError(f"not a time zone; {hint}")
    return text


# Validated before the type, whose error would show a password of digits.
SecretRef = Annotated[str, BeforeValidator(_is_reference)]
Zone = Annotated[str, AfterValidator(_is_zone)]
# Validated before the pattern, whose error would show the login.
Url = Annotated[str, BeforeValidator(without_login)]
Conf = Annotated[dict[str, str], AfterValidator(referred)]


def _bytes(size: str) -> int:
    return int(size[:-1]) << (30 if size.endswith("g") else 20)


def _is_memory(size: str) -> str:
    if not re.fullmatch(r"\d{1,6}[gm]", size) or not 128 << 20 <= _bytes(size) <= 16_384 << 30:
        raise ValueError("memory is written as `4g` or `512m`, from 128m to 16384g")
    return size


Memory = Annotated[str, AfterValidator(_is_memory)]


class Sail(StrictModel):
    """The embedded engine: limits of its process."""

    memory: Memory = Field("8g", description="beyond it the process ends, and the step is retried")
    cores: int = Field(2, ge=1, le=4096, description="cores that it uses")

    @property
    def limits(self) -> tuple[int, int]:
        """Limits of resident memory and of address space, in bytes. Most of the address space is never used."""
        return _bytes(self.memory), 4 * _bytes(self.memory) + (4 << 30)

    @property
    def pool_bytes(self) -> int:
        """Bytes for sorts and aggregates before they spill to disk. Joins and decoding need more on top."""
        return _bytes(self.memory) // 2


class Models(StrictModel):
    """Training of models, in a process of its own beside the engine."""

    memory: Memory = Field("4g", description="beyond what fits into it, models learn from a sample of the entities")

    @property
    def gigabytes(self) -> float:
        """The memory in GiB."""
        return _bytes(self.memory) / (1 << 30)


class Spark(StrictModel):
    """Apache Spark: the address of a cluster, or the size of the local server."""

    remote: Url | None = Field(
        None,
        pattern="^sc://",
        description="sc:// address of a cluster, which means `engine: spark`; without one a local server is used",
    )
    token: SecretRef = Field("", description="reference to the token that the cluster asks for; it is sent by TLS only")
    memory: Memory = Field("3g", description="memory of the local server")
    cores: int = Field(2, ge=1, le=4096, description="cores of the local server")
    shuffle_partitions: int = Field(4, ge=1, le=100_000, description="parts that a join or aggregate is cut into")
    packages: tuple[str, ...] = Field((), description="further Maven coordinates, e.g. JDBC drivers")
    conf: Conf = Field({}, description="further Spark settings of the server; credentials by reference")
    idle_seconds: float = Field(900, gt=0, le=LONGEST_SECONDS, description="idle time after which a local server ends")
    answer_seconds: float = Field(60, gt=0, le=LONGEST_SECONDS, description="patience until a server answers")


class Mail(StrictModel):
    """How e-mail is sent: to a folder of .eml files (the default) or through an SMTP server."""

    channel: str = Field("eml", pattern="^(eml|smtp)$", description="eml: files in a folder; smtp: a server")
    sender: str = Field("Quanyu <noreply@localhost>", description="From: of every message")
    host: str = Field("127.0.0.1", description="SMTP server")
    port: int = Field(25, ge=1, le=65535, description="its port")
    starttls: bool = Field(False, description="whether the connection is encrypted; needed for another machine")
    username: SecretRef = Field("", description="reference to the name of the login")
    password: SecretRef = Field("", description="reference to its password")
    timeout_seconds: float = Field(30, gt=0, le=LONGEST_SECONDS, description="patience with each other answer")
    answer_seconds: float = Field(
        600, gt=0, le=LONGEST_SECONDS, description="patience after the last dot of a message (RFC 5321: 600)"
    )
    expires_days: int = Field(
        2, ge=0, le=LONGEST_DAYS, description="days after its due day on which a message may still go out"
    )


class DropSettings(StrictModel):
    """Where seed files are written: an S3 bucket, or a folder of the home if no bucket is set."""

    bucket: Url | None = Field(None, pattern=r"^s3://.+", description="s3:// address of the bucket")
    endpoint: Url | None = Field(None, pattern=r"^https?://.+", description="address of an S3 service other than AWS")
    region: str = Field("us-east-1", description="region of the bucket")
    access_key: SecretRef = Field("", description="reference to the access key")
    secret_key: SecretRef = Field("", description="reference to the secret key")
    max_rows: int = Field(1_000_000, ge=1, le=MOST, description="rows of one file at most")


class Suppression(StrictModel):
    """How long a report of a message system suppresses messages to a contact."""

    not_friend_hours: float = Field(
        24 * 30, gt=0, le=LONGEST_HOURS, description="after WeCom said that there is no contact"
    )
    limit_hours: float = Field(
        24, gt=0, le=LONGEST_HOURS, description="after WeCom said that the contact takes no more messages"
    )


def _is_webhook(text: Any) -> Any:
    if text not in ("", None) and not str(text).startswith(("env:", "file:")):
        check_webhook(str(text))
    return text


def check_webhook(url: str) -> None:
    """Raise ValueError unless the address is encrypted or on this machine."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname or "")):
        raise ValueError("a webhook begins with https:// (http:// on loopback only), or is a reference to one")


class AlertSettings(StrictModel):
    """Recipients of alerts: what stopped, is held, refused or late, once each, and when it is over."""

    mail: tuple[str, ...] = Field((), description="addresses, reached as the section `mail` says")
    webhook: Annotated[str, BeforeValidator(_is_webhook)] = Field(
        "", description="https:// address, or a reference env:NAME or file:PATH where it holds a key"
    )
    form: Literal["json", "wecom"] = Field("json", description="wecom: what robots of WeCom and DingTalk read")
    token: SecretRef = Field("", description="sent to the webhook as a bearer token")


class HoldoutSettings(StrictModel):
    """The holdout of everybody: customers who get no message and go to no platform, beside that of each audience."""

    share: Share = Field(0.0, lt=1, description="share of all customers, as `2 %`")
    salt: str = Field("everybody", description="what it is drawn by; another one draws others")


class InsightSettings(StrictModel):
    """What audiences are warned of, and which names of customers a report of one shows."""

    size_change: Share = Field(0.3, description="change from one day to the next of an audience without a size band")
    nearly_all: Share = Field(0.95, description="share of all entities from which on a rule says nothing")
    stale_days: int = Field(
        2, ge=1, le=LONGEST_DAYS, description="days since the last evaluation from which on an audience is stale"
    )
    horizon_days: int = Field(
        30, ge=1, le=LONGEST_DAYS, description="days after entry in which purchases count for the lift of a programme"
    )
    worth: tuple[str, ...] = Field(
        ("value.spend", "lifetime.value"), description="numbers that say what they are worth"
    )
    risk: tuple[str, ...] = Field(("churn.score", "churn.at_risk"), description="scores and states of those at risk")
    places: tuple[str, ...] = Field(("habits.store", "customer.city"), description="texts that say where they shop")

    def names(self) -> tuple[str, ...]:
        """All names that are given."""
        return *self.worth, *self.risk, *self.places


class Keys(StrictModel):
    """The secret key of person_key hashes. Without a reference the home creates its own."""

    person: SecretRef = Field("", description="reference to the key; it must not change once facts are there")
