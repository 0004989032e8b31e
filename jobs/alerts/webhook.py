"""Posts alerts as JSON to a configured URL. They contain no personal data."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from quanyu.config.sections import AlertSettings, check_webhook
from quanyu.config.settings import secret
from quanyu.errors import ConfigError, RejectedError, RetryableError
from quanyu.store import Alert

SECONDS = 10


def post(to: AlertSettings, day: date, subject: str, body: str, alerts: Sequence[Alert]) -> None:
    """Post alerts to the webhook.

    Raises ConfigError for an invalid URL, RejectedError for a client error, RetryableError for a server error or no
    answer.
    """
    import httpx

    url = secret(to.webhook) if to.webhook.startswith(("env:", "file:")) else to.webhook
    try:
        check_webhook(url)
    except ValueError as error:
        raise ConfigError(f"alerts.webhook: {error}") from None
    content = document(to.form, day, subject, body, alerts)
    token = secret(to.token)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        # No redirect is followed: it could lead to an unencrypted address, and the request carries the token.
        answer = httpx.post(url, json=content, headers=headers, timeout=SECONDS, follow_redirects=False)
    except httpx.HTTPError as error:
        raise RetryableError(f"alerts.webhook: the server cannot be reached ({type(error).__name__})") from None
    if not answer.is_success:
        kind = RetryableError if answer.status_code >= 500 or answer.status_code == 429 else RejectedError
        raise kind(f"alerts.webhook: the server answered {answer.status_code}")


def document(form: str, day: date, subject: str, body: str, alerts: Sequence[Alert]) -> dict[str, Any]:
    """JSON body of one post: `text` for people and the alerts for programs; for chat robots (`wecom`) `text` alone."""
    text = f"{subject}\n{body}"
    if form == "wecom":
        return {"msgtype": "text", "text": {"content": text}}
    entries = [
        {"step": alert.step, "words": alert.message, "since": alert.since.isoformat(), "over": alert.has_ended}
        for alert in alerts
    ]
    return {"day": day.isoformat(), "text": text, "alerts": entries}
