"""Checks before the first step of a run, within a second: disks, store, key, lake."""

from __future__ import annotations

from quanyu.errors import ConfigError
from quanyu.home.home_name import check_key
from quanyu.home.lock import check_writable
from quanyu.home.migration import check_form
from quanyu.lake.locations import check_path
from quanyu.run import integrity
from quanyu.run.runner import Context


def check(context: Context) -> None:
    """Check all that a run needs, and schedule the rebuilding of lost tables. The caller holds the home's lock.

    Raises KeeperError also for a home of an earlier form, otherwise as `check_home`.
    """
    check_form(context)
    check_home(context)


def check_home(context: Context) -> None:
    """Check a home of any form, and schedule the rebuilding of lost tables. The caller holds the home's lock.

    Raises KeeperError for folders that cannot be written and lost tables that no step can rebuild, ConfigError for
    another person key and a path that cannot contain tables, RetryableError for a store that does not answer.
    """
    check_path(context.settings.home)
    if context.settings.spark.remote and set("?*{}") & set(str(context.settings.home)):
        raise ConfigError(f"a cluster reads ? * {{ }} as patterns, and the home's path contains one:"
                          f" {context.settings.home}; choose another home (--home)")  # fmt: skip
    extracts = any(source.extracts for source in context.catalogue.sources.values())
    for folder in (context.settings.home, context.settings.lake, *([context.settings.landing] if extracts else [])):
        check_writable(folder)
    check_key(context.settings)
    integrity.schedule_rebuilds(context)
