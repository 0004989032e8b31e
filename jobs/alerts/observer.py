"""Opens and closes alerts from the results of steps, and sends one message about all new ones."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping, Sequence
from functools import partial

from jobs.alerts.webhook import post
from jobs.journeys.channel import Envelope
from quanyu.errors import ConfigError, QuanyuError, RetryableError, actor
from quanyu.home import home_name
from quanyu.run.observer import Observer
from quanyu.run.runner import Context, Result
from quanyu.store import Alert

LOG = logging.getLogger(__name__)
# The step name of alerts about declarations: a mistake in them keeps every step from running.
DECLARATIONS = "declarations"


class AlertObserver(Observer):
    """Opens and closes alerts from the results of steps."""

    def steps_ended(self, context: Context, results: Sequence[Result]) -> str:
        """Update the alerts from the results of a run and send those that are new. Returns a summary in words.

        Nothing is sent by a run that computes only, or from a copied home. A failure to send never fails the run: the
        next run sends the alert.
        """
        if not context.sends or home_name.may_send(context.settings):
            return ""
        # The result of a skipped step ("kept") is that of a later day. If steps run, the declarations are valid.
        wrong = {result.step: problems_of(result) for result in results if result.status != "kept"}
        return _observed(context, {DECLARATIONS: {}, **wrong})

    def declarations_rejected(self, context: Context, words: str) -> None:
        """Alert that no step can run because a declaration is wrong. The alert ends with the first step that runs."""
        _observed(context, {DECLARATIONS: {"stopped": f"no step runs; you must act: {words}"}})


def _observed(context: Context, wrong: Mapping[str, Mapping[str, str]]) -> str:
    alerts, to = context.store.alerts, context.settings.alerts
    try:
        for step, words in wrong.items():
            alerts.observe(step, context.day, words)
        untold = alerts.to_notify() if to.mail or to.webhook else []
        if not untold:
            return ""
        _send(context, untold)
        alerts.mark_notified(untold)
    except QuanyuError as error:
        LOG.warning("alerts were not sent: %s", error)
        return f"Alerts were not sent; the next run tries again: {error}"
    return f"Alerts sent: {_counted(untold)}"


def _counted(alerts: Sequence[Alert]) -> str:
    over = sum(alert.has_ended for alert in alerts)
    return f"{len(alerts) - over} new, {over} over"


def problems_of(result: Result) -> dict[str, str]:
    """Problems that a result shows, by key. The key stays the same as long as the problem lasts."""
    wrong = dict(result.outcome.breaches)
    if result.status == "stopped" and not wrong:
        wrong["stopped"] = f"{result.step} stopped; {actor(result.fault)} must act: {result.error}"
    return wrong | {key: f"{result.step}: {words}" for key, words in result.outcome.alerts.items()}


def _send(context: Context, alerts: Sequence[Alert]) -> None:
    settings = context.settings
    failures: list[str] = []
    subject = f"Quanyu, {context.day}: alerts, {_counted(alerts)}"
    body = "\n".join(f"over: {alert.message}" if alert.has_ended else alert.message for alert in alerts)
    senders = [partial(_mail, context, to, subject, body) for to in settings.alerts.mail]
    if settings.alerts.webhook:
        senders.append(partial(post, settings.alerts, context.day, subject, body, alerts))
    for sender in senders:
        try:
            sender()
        except QuanyuError as error:
            failures.append(str(error))
    # One recipient is enough: the failure of another is logged, so that nobody gets the same alert twice.
    for failure in failures:
        LOG.warning("an alert was not sent: %s", failure)
    if len(failures) == len(senders):
        raise RetryableError("; ".join(failures))


def _mail(context: Context, to: str, subject: str, body: str) -> None:
    from jobs.journeys.sending.delivery import channel

    mail = context.settings.mail
    envelope = Envelope(f"alert-{uuid.uuid4().hex}", to, subject, body + "\n", mail.sender, context.day)
    with channel(context.settings) as mail_channel:
        outcome = mail_channel.deliver(envelope)
    if outcome.status in ("failed", "rejected"):
        raise ConfigError(f"the mail server refused an alert: {outcome.reason}")
