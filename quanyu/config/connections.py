"""Checks of addresses in settings: no login in clear text, and TLS for connections that leave the machine."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from quanyu.errors import ConfigError

if TYPE_CHECKING:
    from quanyu.config.settings import Settings

REFERENCE = "give it by reference: env:NAME or file:PATH"
# Names of settings whose value is a credential.
_CREDENTIAL = re.compile(r"(?i:passw|pwd|passphrase|secret|token|(^|[-_.])(api)?keys?([-_.]|$))|[a-z]Key$")
# Switches and class names, which are no credentials.
_HARMLESS = re.compile(r"true|false|\d{1,3}|[\w$]+(\.[\w$]+){2,}", re.I)
_ENCRYPTED = {"require", "required", "trust", "verify-ca", "verify-full", "verify_ca", "verify_identity"}


def is_credential(name: str) -> bool:
    """Whether a name says that its value is a password, token or key."""
    return _CREDENTIAL.search(name) is not None


def without_login(url: str | None) -> str | None:
    """Return the address. Raises ValueError, without the value, if it contains a user, password or token."""
    parts = urlsplit(url or "")
    options = [name for name, _ in parse_qsl(f"{parts.query}&{parts.path.replace(';', '&')}", keep_blank_values=True)]
    if "@" in parts.netloc or any(is_credential(name.strip("/")) for name in options):
        raise ValueError(f"a secret is not allowed in an address: {REFERENCE}")
    return url


def referred(conf: Mapping[str, str]) -> Mapping[str, str]:
    """Return the settings of a library. Raises ValueError if a credential is not a reference (env: or file:)."""
    for name, value in conf.items():
        if is_credential(name) and not value.startswith(("env:", "file:")) and not _HARMLESS.fullmatch(value):
            raise ValueError(f"a secret is not allowed in {name}: {REFERENCE}")
        if re.search(r"-D\S*(passw|secret|token)\S*=", value, re.I):
            raise ValueError(f"a secret is not allowed in Java's options in {name}: give it by a setting of its own")
    return conf


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host in ("localhost", "")


def check_tls(url: str, plain_hosts: Collection[str] = ()) -> None:
    """Raise ConfigError for an http address outside of this machine, unless its host is in `plain_hosts`."""
    parts = urlsplit(url)
    if parts.scheme == "http":
        check_host(parts.hostname or "", False, plain_hosts)


def check_host(host: str, encrypted: bool, plain_hosts: Collection[str] = ()) -> None:
    """Raise ConfigError if a connection to another machine is not encrypted and its host is not in `plain_hosts`."""
    if not (encrypted or is_loopback(host) or host in plain_hosts):
        raise ConfigError(
            f"{host} would be reached without TLS, so that others on the network could read the data: switch TLS on, or"
            " name the host in plain_hosts if its network is your own"
        )


def check_database(hosts: Collection[str], mode: str | None, plain_hosts: Collection[str] = ()) -> None:
    """Raise ConfigError if `sslmode` allows clear text to a database on another machine."""
    for host in hosts:
        check_host(host, (mode or "").lower() in _ENCRYPTED, plain_hosts)


def plain_connections(settings: Settings) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield each setting that would send data off this machine without TLS: its place, and the reason."""
    for place, check in _checks(settings):
        try:
            check()
        except ConfigError as error:
            yield place, str(error)


def _checks(settings: Settings) -> Iterator[tuple[tuple[str, ...], Any]]:
    plain, mail, spark = settings.plain_hosts, settings.mail, settings.spark
    if mail.channel == "smtp":
        yield ("mail", "starttls"), lambda: check_host(mail.host, mail.starttls, plain)
    yield ("drop", "endpoint"), lambda: check_tls(settings.drop.endpoint or "", plain)
    yield ("mlflow",), lambda: check_tls(settings.mlflow or "", plain)
    yield ("spark", "remote"), lambda: check_host(*_spark_address(spark.remote or "", bool(spark.token)), plain)


def _spark_address(remote: str, token: bool) -> tuple[str, bool]:
    """Host of a Spark Connect address, and whether it is reached by TLS; a token is never sent without."""
    parts = urlsplit(remote)
    options = dict(parse_qsl(parts.path.strip("/").replace(";", "&")))
    return parts.hostname or "", token or options.get("use_ssl", "").lower() == "true"
