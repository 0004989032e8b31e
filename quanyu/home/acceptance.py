"""Accepts a home as the one that sends, with its lake in its current state."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import date

from quanyu.config.settings import Settings
from quanyu.home import home_name as homes
from quanyu.home.home_name import HomeNote
from quanyu.home.migration import check_form
from quanyu.run import business_days, integrity
from quanyu.run.runner import Context


def accept(settings: Settings, sent_until: date | None) -> HomeNote:
    """Record the home as the one that sends. The caller holds the home's lock.

    After a restore or a loss of tables, messages that were due until `sent_until` may have been sent already. They are
    not sent automatically, and what is on platforms is reconciled with the home before anybody is added. Default: the
    newest day that is over. Raises ConfigError if the home has another name.
    """
    before = homes.check_name(settings)
    homes.check_key(settings)
    with contextlib.closing(Context(settings, business_days.newest_day(settings))) as context:
        check_form(context)
        in_doubt = before.restored or integrity.losses(context)
        doubted = max(before.doubted, str(sent_until or context.day)) if in_doubt else before.doubted
        if in_doubt:
            context.store.exports.mark_in_doubt(_declared_exports(context), date.fromisoformat(doubted))
        # After the doubts: a kill in between finds the losses again.
        integrity.accept_current_state(context)
    return homes.write_home_note(settings.home, replace(homes.record_home(settings), restored="", doubted=doubted))


def _declared_exports(context: Context) -> Iterator[str]:
    """Exports to accounts with an interface, which the other home may have begun after the backup."""
    online = {account.name for account in context.catalogue.platforms.values() if account.token}
    for audience in context.catalogue.audiences.values():
        yield from (f"{audience.name}.{name}" for name in audience.send_to if name in online)
