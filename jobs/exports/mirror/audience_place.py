"""The account and the audience on it that have the values of an export."""

from __future__ import annotations

from dataclasses import replace

from jobs.exports.mirror.difference import current_set
from jobs.exports.mirror.export_run import ExportRun
from jobs.exports.platform import OnlinePlatform
from quanyu.errors import ConfigError
from quanyu.home import home_name
from quanyu.run.runner import Context
from quanyu.store import ExportState


def code_of(context: Context, export: str) -> str:
    """Our name of an audience on a platform: the same on every run of this home, other in every other home."""
    return f"{context.settings.name}_{home_name.identity(context.settings)[:8]}_{export.partition('.')[0]}"


def place_on(platform: OnlinePlatform) -> str:
    """Where an account's values are: platform, account and address."""
    return "|".join((platform.name, platform.account.account, platform.account.url or ""))


def placed(run: ExportRun) -> ExportState:
    """Where an export stands. Raises ConfigError if its account is another than the one that has its values."""
    account, place = run.platform.account, place_on(run.platform)
    state = run.context.store.exports.state(run.export)
    if state.place and state.place != place and _may_be_there(run):
        raise ConfigError(
            f"{account.file}: values of {run.export} are on the account that was declared before: put its platform,"
            " account and url back, end the audience, and change the account when all are withdrawn"
        )
    if state.place == place:
        return state
    return replace(
        ExportState(run.export), place=place, doubted=state.doubted, withdrawing=state.withdrawing,
        purpose=state.purpose, approved=state.approved, approved_members=state.approved_members,
    )  # fmt: skip


def _may_be_there(run: ExportRun) -> bool:
    return bool(current_set(run.context, run.export).where("state <> 'refused'").limit(1).count())


def opened(run: ExportRun, state: ExportState) -> ExportState:
    """The state with the platform's audience; an account that sends further identifiers may need a further list."""
    account = run.platform.account
    if state.audience_id and state.declared == account.digest():
        return state
    audience_id = run.platform.open_audience(code_of(run.context, run.export), run.describes)
    return run.saved(replace(state, audience_id=audience_id, declared=account.digest()))
