"""Published, usable or failed: what was uploaded is published, and the platform says where the audience stands."""

from __future__ import annotations

from dataclasses import replace

from jobs.exports.mirror.batches import Sent
from jobs.exports.mirror.export_run import ExportRun
from jobs.exports.platform import StatusAnswer
from quanyu.errors import QuanyuError, RejectedError
from quanyu.store import ExportState


def publish(run: ExportRun, state: ExportState, sent: Sent, there: int) -> StatusAnswer | None:
    """Have the audience published, ask where it stands, and store it. `there` is the number of values there.

    An error is noted in `sent` unless there is one before it; None without an answer.
    """
    status = None
    try:
        if state.state != "usable" or sent.batches:
            run.platform.publish(state.audience_id)
        status = _asked(run, state.audience_id, there)
    except RejectedError as error:
        words = f"{sent.error or error}; if somebody deleted the audience there: {_restart(run)}"
        sent.error = RejectedError(words)
    except QuanyuError as error:
        sent.error = sent.error or error
    _save(run, state, sent, status, there)
    return status


def _asked(run: ExportRun, audience_id: str, there: int) -> StatusAnswer:
    """What the platform says of the audience: one that is gone with all values has failed."""
    status = run.platform.status(audience_id)
    if status.gone and there:
        return replace(status, state="failed", words=f"the audience is gone from the platform: {_restart(run)}")
    return status


def _save(run: ExportRun, state: ExportState, sent: Sent, status: StatusAnswer | None, there: int) -> None:
    words = str(sent.error) if sent.error else status.words if status else ""
    # Somebody may have approved it meanwhile.
    stored = replace(run.context.store.exports.state(run.export), audience_id=state.audience_id)
    is_changed = any(batch.state != "failed" for batch in sent.batches)
    run.saved(
        replace(
            stored, state=_stage(sent, status), words=words, members=there,
            changed_on=run.day if is_changed else stored.changed_on,
        )
    )  # fmt: skip


def _stage(sent: Sent, status: StatusAnswer | None) -> str:
    """The state by the platform's answer: failed if it refused, uploaded if it did not answer."""
    if isinstance(sent.error, RejectedError):
        return "failed"
    return status.state if status else "uploaded"


def _restart(run: ExportRun) -> str:
    return f"quanyu export restart {run.export}"
