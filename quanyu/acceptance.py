"""A person's word that a home is the one that sends, and that its lake is taken as it lies."""

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
    """Note the home as the one that sends; the caller holds it.

    Where it was restored, or has lost tables, what was due until the day (by default the newest one that is over) may
    have gone out, and is not sent by itself. Raises ConfigError where it has another name.
    """
    before = homes.check_name(settings)
    homes.check_key(settings)
    with contextlib.closing(Context(settings, calendar.newest_day(settings))) as context:
        in_doubt = before.restored or agreement.losses(context)
        agreement.adopt(context)
        doubted = max(before.doubted, str(sent_until or context.day)) if in_doubt else before.doubted
    return homes.write(settings.home, replace(homes.note(settings), restored="", doubted=doubted))
