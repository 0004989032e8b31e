"""Accounts on platforms with an interface, opened for calls."""

from __future__ import annotations

from collections.abc import Iterator

from jobs.exports.http import Http
from jobs.exports.platform import OnlinePlatform
from jobs.exports.steps import platforms
from quanyu.config.settings import secret
from quanyu.discover import Catalogue
from quanyu.grammar.platforms.account import Account


def online(account: Account) -> type[OnlinePlatform] | None:
    """The platform of an account, None if it has no interface."""
    platform = platforms().get(account.platform)
    return platform if platform is not None and issubclass(platform, OnlinePlatform) else None


def open_account(account: Account, platform: type[OnlinePlatform]) -> OnlinePlatform:
    """Open an account for calls with its token. Raises ConfigError if the token cannot be read."""
    token = secret(account.token)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    http = Http(account.name, account.url or platform.url, headers, platform.limits.calls_per_minute)
    return platform(account, http)


def with_results(catalogue: Catalogue) -> Iterator[tuple[Account, type[OnlinePlatform]]]:
    """Accounts whose campaign results are fetched, each with its platform."""
    for account in catalogue.platforms.values():
        platform = online(account)
        if account.results and platform and "results" in platform.can():
            yield account, platform


def with_conversions(catalogue: Catalogue) -> Iterator[tuple[Account, type[OnlinePlatform]]]:
    """Accounts that are told of our purchases, each with its platform."""
    for account in catalogue.platforms.values():
        platform = online(account)
        if account.conversions and platform and "convert" in platform.can():
            yield account, platform
