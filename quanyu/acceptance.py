"""Accepts a home as the one that sends, with its lake in its current state."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import date

from quanyu import agreement, calendar
from quanyu import home as homes
from quanyu.home import HomeNote
from quanyu.run import Context
from quanyu.settings import Settings


def accept(settings: Settings, sent_until: date | None) -> HomeNote:
    """Record the home as the one that sends. The caller holds the home's lock.

    After a restore or a loss of tables, messages that were due until `sent_until` may have been sent already. They are
    not sent automatically. Default: the newest day that is over. Raises ConfigError if the home has another name.
    """
    before = homes.check_name(settings)
    homes.check_key(settings)
    with contextlib.closing(Context(settings, calendar.newest_day(settings))) as context:
        in_doubt = before.restored or agreement.losses(context)
        agreement.adopt(context)
        doubted = max(before.doubted, str(sent_until or context.day)) if in_doubt else before.doubted
    return homes.write(settings.home, replace(homes.note(settings), restored="", doubted=doubted))
