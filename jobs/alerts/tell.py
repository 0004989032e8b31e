"""Which alerts the results of steps open and end, and one message about those that nobody was told of."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from jobs.alerts.webhook import post
from jobs.journeys.channel import Envelope
from quanyu import home
from quanyu.discover import call
from quanyu.errors import ConfigError, QuanyuError, RetryableError, actor
from quanyu.run import Context, Result
from quanyu.store import Alert

LOG = logging.getLogger(__name__)
# Stands for the step where a mistake in a declaration keeps every step from running.
DECLARATIONS = "declarations"


def tell(context: Context, results: Iterable[Result]) -> str:
    """Take what the results of a run show, and tell what was not told; returns what came of it, in words.

    Nothing is told by a run that does not send, or by a home that was copied. What cannot be told never fails a run:
    it is told by the next one.
    """
    if not context.sends or home.may_send(context.settings):
        return ""
    # A step that was kept shows how a later day left it. Where steps run, the declarations can be read.
    wrong = {result.step: out_of_order(result) for result in results if result.status != "kept"}
    return _observed(context, {DECLARATIONS: {}, **wrong})


def tell_mistake(context: Context, words: str) -> str:
    """Tell that no step can run for a mistake in the declarations; it is over with the first step that does."""
    return _observed(context, {DECLARATIONS: {"stopped": f"no step runs; you must act: {words}"}})


def _observed(context: Context, wrong: Mapping[str, Mapping[str, str]]) -> str:
    alerts, to = context.store.alerts, context.settings.alerts
    try:
        for step, words in wrong.items():
            alerts.observe(step, context.day, words)
        untold = alerts.untold() if to.mail or to.webhook else []
        if not untold:
            return ""
        _send(context, untold)
        alerts.told(untold)
    except QuanyuError as error:
        LOG.warning("alerts were not told: %s", error)
        return f"Alerts were not told, and will be by the next run: {error}"
    return f"Alerts told: {_counted(untold)}"


def _counted(alerts: Sequence[Alert]) -> str:
    over = sum(one.over for one in alerts)
    return f"{len(alerts) - over} new, {over} over"


def out_of_order(result: Result) -> dict[str, str]:
    """What is wrong by a result: a key that stays the same while it is, and the words."""
    wrong = dict(result.outcome.breaches)
    if result.status == "stopped" and not wrong:
        wrong["stopped"] = f"{result.step} stopped; {actor(result.fault)} must act: {result.error}"
    return wrong | {key: f"{result.step}: {words}" for key, words in result.outcome.alerts.items()}


def _send(context: Context, alerts: Sequence[Alert]) -> None:
    settings = context.settings
    failures: list[str] = []
    subject = f"Quanyu, {context.day}: alerts, {_counted(alerts)}"
    body = "\n".join(_line(one) for one in alerts)
    ways = [partial(_mail, context, to, subject, body) for to in settings.alerts.mail]
    if settings.alerts.webhook:
        ways.append(partial(post, settings.alerts, context.day, subject, body, alerts))
    for way in ways:
        try:
            way()
        except QuanyuError as error:
            failures.append(str(error))
    # Told to one of two is told: the other is in the log, and nobody gets the same twice.
    for failure in failures:
        LOG.warning("an alert did not go out: %s", failure)
    if len(failures) == len(ways):
        raise RetryableError("; ".join(failures))


def _line(alert: Alert) -> str:
    return f"over: {alert.words}" if alert.over else alert.words


def _mail(context: Context, to: str, subject: str, body: str) -> None:
    mail = context.settings.mail
    envelope = Envelope(f"alert-{uuid.uuid4().hex}", to, subject, body + "\n", mail.sender, context.day)
    with call("jobs.journeys.delivery:channel")(context.settings) as channel:
        outcome = channel.deliver(envelope)
    if outcome.status in ("failed", "rejected"):
        raise ConfigError(f"the mail server did not take an alert: {outcome.reason}")
