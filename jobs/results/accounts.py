"""Accounts on platforms with an interface, by what comes back from them."""

from __future__ import annotations

from collections.abc import Iterator

from jobs.exports.destinations import platforms
from jobs.exports.platform import OnlinePlatform
from quanyu.discover import Catalogue
from quanyu.grammar.platforms.account import Account


def online(account: Account) -> type[OnlinePlatform] | None:
    """The platform of an account, None if it has no interface."""
    platform = platforms().get(account.platform)
    return platform if platform is not None and issubclass(platform, OnlinePlatform) else None


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
