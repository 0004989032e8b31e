"""Builds e-mails whose headers cannot be forged by their content."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime, parseaddr

from jobs.journeys.channel import Envelope
from jobs.journeys.sending.template import ENCODED_WORD
from quanyu.errors import ConfigError, RejectedError
from quanyu.printable import is_hidden

# One plain address, without any character that could begin another address or a header.
WORD = r"[^\s@<>(),;:\\\"\[\]\x00-\x1f\x7f.]+"
ADDRESS = re.compile(rf"{WORD}(\.+{WORD})*@{WORD}(\.{WORD})+")


def fingerprint(key: str) -> str:
    """32 characters that identify a message and reveal nothing about the person."""
    return hashlib.sha256(key.encode()).hexdigest()[:32]


def fingerprint_sql(key: str) -> str:
    """SQL of `fingerprint`, over an expression."""
    return f"substring(sha2({key}, 256), 1, 32)"


def named_sql(message_id: str) -> str:
    """SQL of the name by which a row refers to a message: a key, or the local part of a Message-ID."""
    return f"regexp_extract({message_id}, '^<?([^<>@]+)', 1)"


def compose(envelope: Envelope, at: datetime) -> EmailMessage:
    """Build the e-mail. Its Message-ID depends on the key only, so that a receiver can drop a second copy.

    Raises RejectedError for an invalid recipient or header, ConfigError for an invalid sender.
    """
    sender = _sender(envelope.sender)
    to = _recipient(envelope.to)
    plain = all(part.isascii() for part in (sender.addr_spec, to.addr_spec))
    if ENCODED_WORD in envelope.subject or any(map(is_hidden, envelope.subject)):
        raise RejectedError("the subject contains an encoded word or a control character")
    # Encode as 7-bit: not every server on the way accepts 8-bit.
    message = EmailMessage(policy=(SMTP if plain else SMTPUTF8).clone(cte_type="7bit"))
    try:
        message["From"] = sender
        message["To"] = to
        message["Subject"] = envelope.subject
        message["Date"] = format_datetime(at)
        message["Message-ID"] = f"<{fingerprint(envelope.key)}@{sender.domain}>"
        message.set_content(envelope.body)
        if envelope.html is not None:
            message.add_alternative(envelope.html, subtype="html")
    except (ValueError, MessageError) as error:
        # The error's text may contain a header, and so personal data.
        kind = type(error).__name__
        raise RejectedError(f"the message cannot be written as an e-mail ({kind})") from error
    return message


def _recipient(text: str) -> Address:
    if ADDRESS.fullmatch(text) is None:
        raise RejectedError("the address is not an e-mail address")
    username, _, domain = text.rpartition("@")
    return Address(username=username, domain=domain)


def _sender(text: str) -> Address:
    name, spec = parseaddr(text)
    try:
        address = Address(display_name=name, addr_spec=spec)
    except (ValueError, MessageError, IndexError):
        address = Address()
    if not address.username or not address.domain:
        raise ConfigError(f"sender: {text!r} is not a sender; write it as Shop <shop@example.com>.")
    return address
