"""Begins an export anew after somebody deleted its audience on the platform."""

from __future__ import annotations

from dataclasses import replace

from jobs.exports.http import GoneError
from jobs.exports.mirror.audience_place import code_of, place_on
from jobs.exports.mirror.difference import PLACE, current_set
from jobs.exports.platform import OnlinePlatform
from quanyu.errors import ConfigError
from quanyu.home import home_name
from quanyu.lake.receipt import Receipt
from quanyu.literals import quoted
from quanyu.run.runner import Context
from quanyu.store import ExportState


def restart(context: Context, platform: OnlinePlatform, export: str) -> int:
    """Forget the platform's audience and the set there, so that the next run opens a new one; return the set's rows.

    Raises ConfigError unless the platform says that the audience is gone: nothing may stay there unknown. The caller
    holds the home's lock.
    """
    if barred := home_name.may_send(context.settings):
        raise ConfigError(barred)
    exports = context.store.exports
    state = exports.state(export)
    if not state.audience_id:
        raise ConfigError(f"{export} has no audience on {platform.name}: the next run that adds somebody opens one")
    if state.place != place_on(platform):
        file = platform.account.file
        raise ConfigError(f"{file}: values of {export} are on the account that was declared before: put that one back")
    if not _is_gone(context, platform, state):
        raise ConfigError(f"the audience of {export}, or a part of it, is still on {platform.name}: delete it there")
    current = current_set(context, export)
    rows = current.count()
    if rows:
        receipt = Receipt("export.restart", context.day.isoformat(), context.run_id, "")
        nobody = context.lake.staging.stage(current.where("false"))
        context.lake.replace(PLACE, nobody, f"export = {quoted(export)}", receipt, {"out": 0})
    exports.record([replace(batch, state="unknown") for batch in exports.open(export)])
    # Last of all: after a kill the platform is asked again.
    exports.save(ExportState(export, place=state.place, purpose=state.purpose))
    return rows


def _is_gone(context: Context, platform: OnlinePlatform, state: ExportState) -> bool:
    """Whether the platform has nothing of an audience any more.

    One that it does not know is gone if the account's audiences have no part of it under our code.
    """
    try:
        return platform.status(state.audience_id).gone
    except GoneError:
        opened = platform.open_audience(code_of(context, state.export), "")
        return not {*opened.split(",")} & {*state.audience_id.split(",")}
