"""Accounts by what comes back from them."""

from __future__ import annotations

from collections.abc import Iterator

from jobs.exports.destination import Destination
from jobs.exports.destinations import destinations
from jobs.exports.platform import OnlinePlatform
from quanyu.discover import Catalogue


def with_results(catalogue: Catalogue) -> Iterator[Destination]:
    """Accounts whose campaign results are fetched."""
    return (each for each in destinations(catalogue).values() if each.account and each.account.results
            and "results" in abilities(each))  # fmt: skip


def with_conversions(catalogue: Catalogue) -> Iterator[Destination]:
    """Accounts that our purchases are reported to."""
    return (each for each in destinations(catalogue).values() if each.account and each.account.conversions
            and "convert" in abilities(each))  # fmt: skip


def abilities(destination: Destination) -> frozenset[str]:
    """What the platform can do by its interface; nothing if it has none."""
    return destination.platform.can() if issubclass(destination.platform, OnlinePlatform) else frozenset()
