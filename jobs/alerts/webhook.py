"""Alerts as JSON to an address of the house's choice; nothing of a person is in them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from quanyu.errors import ConfigError, RejectedError, RetryableError
from quanyu.sections import Alerts, check_webhook
from quanyu.settings import secret
from quanyu.store import Alert

SECONDS = 10


class _Stay(HTTPRedirectHandler):
    """Follows no redirect: it may lead to where nothing is encrypted, with the token in hand."""

    def redirect_request(self, *_: Any) -> None:
        """Refuse."""
        return None


def post(to: Alerts, day: date, subject: str, body: str, alerts: Sequence[Alert]) -> None:
    """Post alerts. Raises ConfigError for an address that is none, RejectedError and RetryableError as answered."""
    url = secret(to.webhook) if to.webhook.startswith(("env:", "file:")) else to.webhook
    try:
        check_webhook(url)
    except ValueError as error:
        raise ConfigError(f"alerts.webhook: {error}") from None
    content = document(to.form, day, subject, body, alerts)
    token = secret(to.token)
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    request = Request(url, json.dumps(content, ensure_ascii=False).encode(), headers, method="POST")  # noqa: S310
    try:
        with build_opener(_Stay).open(request, timeout=SECONDS):
            return
    except HTTPError as error:
        kind = RetryableError if error.code >= 500 or error.code == 429 else RejectedError
        raise kind(f"alerts.webhook: the server answered {error.code}") from None
    except (OSError, HTTPException) as error:
        raise RetryableError(f"alerts.webhook: the server cannot be reached ({type(error).__name__})") from None


def document(form: str, day: date, subject: str, body: str, alerts: Sequence[Alert]) -> dict[str, Any]:
    """Content of one post: `text` for people, and each alert for programs, or the text alone as robots read it."""
    text = f"{subject}\n{body}"
    if form == "wecom":
        return {"msgtype": "text", "text": {"content": text}}
    entries = [
        {"step": one.step, "words": one.words, "since": one.since.isoformat(), "over": one.over} for one in alerts
    ]
    return {"day": day.isoformat(), "text": text, "alerts": entries}
