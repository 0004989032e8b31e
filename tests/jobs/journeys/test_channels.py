import email
import email.policy
import socket
import ssl
import threading
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from jobs.journeys.channel import Channel, Envelope, SendOutcome
from jobs.journeys.channels.eml import Eml
from jobs.journeys.channels.smtp import Smtp
from quanyu.errors import ConfigError, RejectedError, RetryableError

DAY = date(2011, 9, 10)
LETTER = Envelope(
    "winback:c1:remind", "ann@example.com", "Wir vermissen dich 你好", "Hi\n.dot\n", "Shop <s@shop.test>", DAY
)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Inbox:
    """Handler of a mail server that records messages and gives the chosen answers."""

    def __init__(self, **answers):
        self.answers, self.received = answers, []

    async def handle_MAIL(self, server, session, envelope, address, options):
        envelope.mail_from = address
        return self.answers.get("mail", "250 OK")

    async def handle_RCPT(self, server, session, envelope, address, options):
        answer = self.answers.get("rcpt", "250 OK")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server, session, envelope):
        answer = self.answers.get("data", "250 OK")
        if answer.startswith("250"):
            self.received.append((envelope.rcpt_tos[0], envelope.content))
        return answer


@contextmanager
def serving(inbox, **options):
    controller = Controller(inbox, hostname="127.0.0.1", port=free_port(), **options)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


def smtp(port, **options):
    return Smtp("127.0.0.1", port, starttls=options.pop("starttls", False), timeout=5, **options)


def parsed(content):
    return email.message_from_bytes(content, policy=email.policy.default)


def test_a_message_arrives_as_it_was_written():
    inbox = Inbox()
    with serving(inbox) as port, smtp(port) as channel:
        assert channel.deliver(LETTER).status == "sent"
        assert channel.deliver(replace(LETTER, key="2", html="<p>你好</p>")).status == "sent"
    (to, content), (_, rich) = inbox.received
    message = parsed(content)
    assert to == "ann@example.com"
    assert (message["Subject"], message["From"], message["To"]) == (LETTER.subject, "Shop <s@shop.test>", to)
    assert message.get_content().replace("\r\n", "\n") == LETTER.body
    assert content.isascii()
    assert [part.get_content_type() for part in parsed(rich).iter_parts()] == ["text/plain", "text/html"]


def test_the_message_id_comes_from_the_key_alone():
    inbox = Inbox()
    with serving(inbox) as port, smtp(port) as channel:
        for letter in (LETTER, replace(LETTER, body="other"), replace(LETTER, key="other")):
            channel.deliver(letter)
    first, second, third = (parsed(content)["Message-ID"] for _, content in inbox.received)
    assert first == second != third
    assert "winback" not in first and first.endswith("@shop.test>")


@pytest.mark.parametrize(
    ("answers", "status"),
    [
        ({"rcpt": "450 mailbox busy"}, "failed"),
        ({"rcpt": "550 no such user"}, "rejected"),
        ({"data": "452 disk full"}, "failed"),
        ({"data": "554 spam"}, "rejected"),
    ],
)
def test_refusals_are_final_or_for_later_by_their_code(answers, status):
    inbox = Inbox(**answers)
    with serving(inbox) as port, smtp(port) as channel:
        outcome = channel.deliver(LETTER)
        assert outcome.status == status
        assert next(iter(answers.values())) in outcome.reason
        inbox.answers = {}
        assert channel.deliver(LETTER).status == "sent"


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ({"mail": "451 later"}, RetryableError),
        ({"mail": "530 Must issue a STARTTLS command first"}, RejectedError),
        ({"mail": "553 not you"}, RejectedError),
        ({"rcpt": "421 closing"}, RetryableError),
        ({"rcpt": "530 Authentication required"}, RejectedError),
        ({"data": "421 closing"}, RetryableError),
    ],
)
def test_refusals_of_sender_and_session_are_the_channels_fault(answers, error):
    inbox = Inbox(**answers)
    with serving(inbox) as port, smtp(port) as channel:
        with pytest.raises(error, match=next(iter(answers.values()))):
            channel.deliver(LETTER)
        inbox.answers = {}
        assert channel.deliver(LETTER).status == "sent"


@pytest.mark.parametrize(
    "changes",
    [
        {"to": "a@b.c, d@e.f"},
        {"to": "a@b.c\r\nRCPT TO:<d@e.f>"},
        {"to": "a@b.c>\r\nBcc: d@e.f"},
        {"to": "nobody"},
        {"to": ""},
        {"to": "@x.y"},
        {"to": "a@localhost"},
        {"subject": "Hi\r\nBcc: all@example.com"},
        {"subject": "Hi\n\nbody"},
        {"to": "用户@例子.中国"},
        {"body": "\ud800"},
    ],
)
@pytest.mark.parametrize("kind", ["smtp", "eml"])
def test_headers_cannot_be_injected(changes, kind, tmp_path):
    inbox = Inbox()
    bad = replace(LETTER, **changes)
    with serving(inbox, enable_SMTPUTF8=False) as port, smtp(port) if kind == "smtp" else Eml(tmp_path) as channel:
        outcome = channel.deliver(bad)
    if outcome.status != "rejected":
        assert kind == "eml" and "用户" in changes["to"]
    assert inbox.received == []


def test_an_address_outside_ascii_goes_where_the_server_takes_it():
    inbox = Inbox()
    with serving(inbox, enable_SMTPUTF8=True) as port, smtp(port) as channel:
        assert channel.deliver(replace(LETTER, to="用户@例子.中国")) == SendOutcome("sent", by_server=True)
    assert inbox.received[0][0] == "用户@例子.中国"


def test_an_invalid_sender_is_a_config_error():
    with serving(Inbox()) as port, smtp(port) as channel, pytest.raises(ConfigError, match="sender"):
        channel.deliver(replace(LETTER, sender="nobody"))


def test_nobody_listening_is_retryable():
    with pytest.raises(RetryableError, match="cannot be reached"), smtp(free_port()):
        pass


@contextmanager
def hanging_up(*, after):
    """A correct SMTP server that closes the connection at the line that begins with the given word."""
    listener = socket.create_server(("127.0.0.1", 0))

    def talk():
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as lines:
            connection.sendall(b"220 hi\r\n")
            content = False
            for line in lines:
                if line.upper().startswith(after):
                    return
                content = content or line.upper().startswith(b"DATA")
                if not content or line.upper().startswith(b"DATA"):
                    connection.sendall(b"354 go on\r\n" if content else b"250 OK\r\n")

    thread = threading.Thread(target=talk, daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    listener.close()
    thread.join(5)


@pytest.mark.parametrize(
    ("after", "status"),
    [(b"MAIL", "failed"), (b"RCPT", "failed"), (b"DATA", "failed"), (b"SUBJECT", "unknown"), (b".\r", "unknown")],
)
def test_a_connection_lost_after_the_content_leaves_the_outcome_unknown(after, status):
    with hanging_up(after=after) as port, smtp(port) as channel:
        assert channel.deliver(LETTER).status == status


def test_a_server_that_stops_answering_leaves_the_outcome_unknown():
    class Silent(Inbox):
        async def handle_DATA(self, server, session, envelope):
            import asyncio

            await asyncio.sleep(1)
            return "250 late"

    with serving(Silent()) as port, Smtp("127.0.0.1", port, starttls=False, timeout=5, patience=0.3) as channel:
        assert channel.deliver(LETTER).status == "unknown"
    # The timeout after the last dot is longer than for a greeting: a server may check the content for long.
    with serving(Silent()) as port, Smtp("127.0.0.1", port, starttls=False, timeout=0.5, patience=5) as channel:
        assert channel.deliver(LETTER).status == "sent"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(__import__("ipaddress").ip_address("127.0.0.1"))]), True
        )
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(signed.public_bytes(serialization.Encoding.PEM) + key.private_bytes(*form))
    return path


@pytest.fixture
def guarded(certificate):
    """A server that requires STARTTLS and ann's password."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def check(server, session, envelope, mechanism, credentials):
        return AuthResult(success=(credentials.login, credentials.password) == (b"ann", b"right"), handled=False)

    inbox = Inbox()
    with serving(inbox, tls_context=context, require_starttls=True, auth_required=True, authenticator=check) as port:
        yield inbox, port


def test_starttls_and_login(guarded, certificate):
    inbox, port = guarded
    trusting = ssl.create_default_context(cafile=str(certificate))
    with smtp(port, starttls=True, tls=trusting, username="ann", password="right") as channel:
        assert channel.deliver(LETTER).status == "sent"
    assert len(inbox.received) == 1


@pytest.mark.parametrize(
    ("password", "trusts", "words"), [("wrong", True, "username or password"), ("right", False, "verified")]
)
def test_a_refused_login_is_reported_without_the_password(guarded, certificate, password, trusts, words):
    context = ssl.create_default_context(cafile=str(certificate) if trusts else None)
    channel = smtp(guarded[1], starttls=True, tls=context, username="ann", password=password)
    with pytest.raises(RejectedError, match=words) as error, channel:
        pass
    assert password not in str(error.value)


def test_a_password_does_not_travel_in_the_clear():
    with pytest.raises(ConfigError, match="clear"):
        Smtp("mail.example.com", starttls=False, username="ann", password="right")
    with pytest.raises(ConfigError, match="both"):
        Smtp("mail.example.com", username="ann")


def test_a_server_without_starttls_is_refused():
    with serving(Inbox()) as port, pytest.raises(RejectedError, match="STARTTLS"), smtp(port, starttls=True):
        pass


@pytest.mark.parametrize("html", [None, "<p>Hi</p>"])
def test_a_file_per_message_that_replaces_itself(tmp_path, html):
    letter = replace(LETTER, html=html)
    with Eml(tmp_path) as channel:
        assert channel.deliver(letter).status == "sent"
        [path] = (tmp_path / "2011-09-10").iterdir()
        before = path.read_bytes()
        assert channel.deliver(letter).status == "sent"
    assert [file.read_bytes() for file in (tmp_path / "2011-09-10").iterdir()] == [before]
    assert path.suffix == ".eml" and not any(word in path.name for word in ("ann", "c1", "winback"))
    assert parsed(before)["Subject"] == LETTER.subject


def test_channels_declare_themselves():
    assert (Eml.problems(), Smtp.problems()) == ([], [])
    assert len(Channel.problems()) == 3


@pytest.mark.parametrize("subject", ["Hi =?utf-8?B?eA0KQmNjOiBhbGxAZXhhbXBsZS5jb20=?=", "Hi \u202eann", "Hi \x1b[2J"])
def test_a_subject_with_an_encoded_word_or_a_control_character_is_refused(tmp_path, subject):
    outcome = Eml(tmp_path).deliver(replace(LETTER, subject=subject))
    assert outcome.status == "rejected" and "encoded word or a control character" in outcome.reason
    assert not list(tmp_path.rglob("*.eml"))
