"""What has to be right before the first step, looked at once and within a second: disks, store, key, lake."""

from __future__ import annotations

import re

from quanyu import agreement
from quanyu.errors import ConfigError
from quanyu.home import check_key
from quanyu.homelock import check_writable
from quanyu.run import Context

# The embedded engine takes the path of a table for an address of the web, and finds none with these.
_NOT_OPENED = re.compile(r"[^!-~]|[#%?\[\]]")


def check_path(context: Context) -> None:
    """Raise ConfigError where the embedded engine cannot open tables below the lake's path."""
    lake = context.settings.lake
    signs = "".join(dict.fromkeys(_NOT_OPENED.findall(str(lake))))
    if signs and context.engine.name == "sail":
        raise ConfigError(
            f"the embedded engine cannot open tables in {lake}: the path has {signs!r}. Choose a home (--home) whose"
            " path has letters and digits of ASCII and signs such as - and _, or write `engine: spark`"
        )


def check(context: Context) -> None:
    """Look at all that a run needs, and order the rebuilding of lost tables; the caller holds the home.

    Raises KeeperError for what cannot be written and for tables that no step can make again, ConfigError for another
    key of persons and a path that the engine cannot open, RetryableError for a store that does not answer.
    """
    check_path(context)
    extracts = any(source.extracts for source in context.catalogue.sources.values())
    for folder in (context.settings.home, context.settings.lake, *([context.settings.landing] if extracts else [])):
        check_writable(folder)
    check_key(context.settings)
    agreement.settle(context)
