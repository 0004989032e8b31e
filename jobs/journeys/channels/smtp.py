"""Sends e-mail through a mail server, many messages per connection."""

from __future__ import annotations

import re
import smtplib
import ssl
from datetime import UTC, datetime
from email.message import EmailMessage
from types import TracebackType
from typing import ClassVar, Self

from jobs.journeys.channel import Channel, Envelope, SendOutcome
from jobs.journeys.sending.mail import compose
from quanyu.errors import ConfigError, QuanyuError, RejectedError, RetryableError
from quanyu.store.message import blanked

LOOPBACK = {"localhost", "127.0.0.1", "::1"}
# Replies about the session, never about one recipient: closing (421), demands to sign in or to encrypt, and unknown
# commands (RFC 5321 4.2.3, RFC 4954 6, RFC 3207 4).
ABOUT_US = frozenset({421, 432, 454, 500, 501, 502, 503, 504, 530, 534, 535, 538, 555})


class Smtp(Channel):
    """E-mail by SMTP. 4xx for a recipient is retried and 5xx is final; a lost answer after the content is unknown.

    Refusals of sign-in, HELO, MAIL FROM, or DATA before any content are failures of the channel, and so are 421 and a
    demand to sign in at any point.
    """

    name: ClassVar[str] = "smtp"
    reached_by: ClassVar[str] = "email"

    def __init__(
        self,
        host: str,
        port: int = 587,
        starttls: bool = True,
        username: str | None = None,
        password: str | None = None,
        timeout: float = 30,
        patience: float = 600,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        if bool(username) != bool(password):
            raise ConfigError("smtp: give both username and password, or neither.")
        if username and not starttls and host not in LOOPBACK:
            raise ConfigError(f"smtp: a password is not sent to {host} in the clear; set starttls.")
        self._host, self._port, self._starttls, self._timeout = host, port, starttls, timeout
        self._username, self._password, self._tls = username, password, tls
        self._patience = patience
        self._server: smtplib.SMTP | None = None

    def __enter__(self) -> Self:
        self._connected()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._hang_up()

    def deliver(self, envelope: Envelope) -> SendOutcome:
        """Send one message. Raises RetryableError or RejectedError if the server cannot be used at all."""
        try:
            message = compose(envelope, datetime.now(UTC))
            content = message.as_bytes()
        except (RejectedError, UnicodeError) as error:
            return SendOutcome("rejected", str(error))
        server = self._connected()
        try:
            refused = self._announce(server, message)
        except (smtplib.SMTPException, OSError) as error:
            self._hang_up()
            reason = f"the connection was lost before the content went over ({_name(error)})"
            return SendOutcome("failed", reason, by_server=True)
        if refused is not None:
            self._start_over(server)
            return refused
        return self._hand_over(server, content)

    def _announce(self, server: smtplib.SMTP, message: EmailMessage) -> SendOutcome | None:
        sender, to = message["From"].addresses[0].addr_spec, message["To"].addresses[0].addr_spec
        options = []
        if not (sender + to).isascii():
            if not server.has_extn("smtputf8"):
                return SendOutcome("rejected", "the mail server accepts only ASCII addresses")
            options = ["SMTPUTF8"]
        code, text = server.mail(sender, options)
        if code != 250:
            raise self._fault("the sender", code, text)
        code, text = server.rcpt(to)
        if code not in (250, 251):
            if code in ABOUT_US:
                raise self._fault("to go on", code, text)
            return _refusal("the address", code, text)
        code, text = server.docmd("DATA")
        if code != 354:
            raise self._fault("to take content", code, text)
        return None

    def _hand_over(self, server: smtplib.SMTP, content: bytes) -> SendOutcome:
        try:
            server.send(re.sub(rb"(?m)^\.", b"..", content.rstrip(b"\r\n") + b"\r\n"))
        except (smtplib.SMTPException, OSError) as error:
            self._hang_up()
            # Without the final dot, no server accepts a message as complete.
            return SendOutcome("failed", f"the connection was lost within the content ({_name(error)})", by_server=True)
        try:
            if server.sock is not None:
                server.sock.settimeout(self._patience)
            server.send(b".\r\n")
            # From here on the server may have accepted the message, even if it does not answer.
            code, text = server.getreply()
            if server.sock is not None:
                server.sock.settimeout(self._timeout)
        except (smtplib.SMTPException, OSError) as error:
            self._hang_up()
            return SendOutcome("unknown", f"no answer came after the content went over ({_name(error)})")
        if code == 250:
            return SendOutcome("sent", by_server=True)
        if code in ABOUT_US:
            raise self._fault("to go on", code, text)
        self._start_over(server)
        return _refusal("the content", code, text)

    def _fault(self, what: str, code: int, text: bytes) -> QuanyuError:
        self._hang_up()
        kind = RejectedError if code >= 500 else RetryableError
        words = blanked(text.decode("utf-8", "replace"))
        return kind(f"The mail server {self._host}:{self._port} refused {what}: {code} {words}")

    def _connected(self) -> smtplib.SMTP:
        if self._server is not None:
            try:
                if self._server.noop()[0] == 250:
                    return self._server
            except (smtplib.SMTPException, OSError):
                pass
            self._hang_up()
        self._server = self._open()
        return self._server

    def _open(self) -> smtplib.SMTP:
        server: smtplib.SMTP | None = None
        try:
            server = smtplib.SMTP(self._host, self._port, timeout=self._timeout)
            server.ehlo_or_helo_if_needed()
            if self._starttls:
                server.starttls(context=self._tls or ssl.create_default_context())
                server.ehlo()
            if self._username and self._password:
                server.login(self._username, self._password)
            return server
        except (smtplib.SMTPException, OSError) as error:
            if server is not None:
                server.close()
            raise _out_of_order(f"{self._host}:{self._port}", error) from error

    def _start_over(self, server: smtplib.SMTP) -> None:
        try:
            server.rset()
        except (smtplib.SMTPException, OSError):
            self._hang_up()

    def _hang_up(self) -> None:
        server, self._server = self._server, None
        if server is None:
            return
        try:
            server.quit()
        except (smtplib.SMTPException, OSError):
            server.close()


def _refusal(what: str, code: int, text: bytes) -> SendOutcome:
    reason = f"the mail server refused {what}: {code} {text.decode('utf-8', 'replace')}"
    return SendOutcome("rejected" if code >= 500 else "failed", reason, by_server=True)


def _out_of_order(server: str, error: Exception) -> QuanyuError:
    code = getattr(error, "smtp_code", None)
    if isinstance(error, smtplib.SMTPAuthenticationError) and isinstance(code, int) and code >= 500:
        return RejectedError(f"The mail server {server} refused the username or password ({code}).")
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return RejectedError(f"The mail server {server} offers no STARTTLS or no login; check starttls and username.")
    if isinstance(error, ssl.SSLCertVerificationError):
        return RejectedError(f"The mail server {server} shows a certificate that cannot be verified.")
    if isinstance(code, int) and code >= 500:
        return RejectedError(f"The mail server {server} refused the connection ({code}).")
    return RetryableError(f"The mail server {server} cannot be reached ({_name(error)}); try again later.")


def _name(error: Exception) -> str:
    return type(error).__name__
