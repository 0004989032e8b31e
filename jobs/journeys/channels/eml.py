"""Writes messages to files, for retailers without a mail server and for previews."""

from __future__ import annotations

from datetime import UTC, datetime, time
from pathlib import Path
from typing import ClassVar

from jobs.journeys.channel import Channel, Envelope, SendOutcome
from jobs.journeys.sending.mail import compose, fingerprint
from quanyu.errors import RejectedError
from quanyu.files import folder


class Eml(Channel):
    """One .eml file per message in a folder per day. A repeated message replaces itself with the same bytes."""

    name: ClassVar[str] = "eml"
    reached_by: ClassVar[str] = "email"
    repeatable: ClassVar[bool] = True

    def __init__(self, path: Path) -> None:
        self._folder = folder(path)

    def deliver(self, envelope: Envelope) -> SendOutcome:
        """Write the file. Its name reveals nothing about the person, and its date is the day it was planned for."""
        try:
            message = compose(envelope, datetime.combine(envelope.day, time(), UTC))
            # The boundary between parts is random by default.
            if message.is_multipart():
                message.set_boundary(fingerprint(f"{envelope.key} boundary"))
            content = message.as_bytes()
        except (RejectedError, UnicodeError) as error:
            return SendOutcome("rejected", str(error))
        self._folder.put(f"{envelope.day.isoformat()}/{fingerprint(envelope.key)}.eml", content)
        return SendOutcome("sent")
