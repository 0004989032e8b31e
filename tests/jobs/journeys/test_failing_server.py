"""Every failure of a mail server: whether it is the channel's, the outcome of each message, and no double sending."""

from collections import Counter
from datetime import UTC, date, datetime

import pytest
import sqlalchemy as sa
from failing_server import DROP, ROGUE_DROP, failing

from jobs.journeys.channels.smtp import Smtp
from jobs.journeys.sending.send import Recipient, SendRun, send
from jobs.journeys.sending.template import Template
from quanyu.errors import RejectedError, RetryableError
from quanyu.store import Message, Store
from quanyu.store.message import OUTBOX

DAY = date(2024, 7, 1)
PEOPLE = tuple("abcdef")


@pytest.fixture
def store(tmp_path):
    with Store(f"sqlite:///{tmp_path}/store.db") as opened:
        rows = [Message(f"k-{one}", "winback", f"i-{one}", "1", one, "smtp", "hello", DAY) for one in PEOPLE]
        opened.outbox.plan(rows)
        yield opened


def run(store, server, text="Hello"):
    channel = Smtp("127.0.0.1", server.port, starttls=False, timeout=2, patience=0.5)
    templates = {"hello": Template("hello", "Hi", text)}
    return send(SendRun(store, channel, everyone, templates, DAY, "Shop <s@shop.test>"))


def everyone(messages):
    return {message.key: Recipient(f"{message.customer_id}@x.org") for message in messages}


def wait_over(store):
    """Move the clock 15 minutes on."""
    with store._database.write() as connection:
        connection.execute(sa.update(OUTBOX).values(not_before=datetime(2024, 1, 1, tzinfo=UTC)))


def statuses(store):
    return {message.customer_id: message.status for message in store.outbox.all()}


def after_mending(store, server):
    """Outcome of each message once the server works again and the retry is due."""
    server.answers = {}
    wait_over(store)
    run(store, server)
    return statuses(store)


CHANNELS_FAULTS = {
    "sign-in at MAIL FROM": ({"MAIL": "530 Must issue a STARTTLS command first"}, RejectedError, "530"),
    "sender refused": ({"MAIL": "553 5.1.8 sender unknown"}, RejectedError, "553"),
    "sender later": ({"MAIL": "451 4.7.0 too many"}, RetryableError, "451"),
    "HELO refused": ({"HELO": "554 no"}, RejectedError, "554"),
    "closing at RCPT": ({"RCPT": "421 4.3.2 shutting down"}, RetryableError, "421"),
    "sign-in at RCPT": ({"RCPT": "530 5.7.0 authentication required"}, RejectedError, "530"),
    "DATA refused": ({"DATA": "554 no"}, RejectedError, "554"),
    "the same to all at RCPT": ({"RCPT": "554 5.7.1 relay access denied"}, RejectedError, "in a row"),
    "the same to all at the dot": ({"DOT": "554 5.7.1 blocked"}, RejectedError, "in a row"),
    "later to all": ({"RCPT": "450 4.2.0 greylisted"}, RetryableError, "in a row"),
    "drops before content": ({"DATA": DROP}, RetryableError, "in a row"),
    "drops at RCPT": ({"RCPT": DROP}, RetryableError, "in a row"),
}


@pytest.mark.parametrize("name", CHANNELS_FAULTS)
def test_a_fault_of_the_channel_stops_with_an_error_and_loses_no_message(store, name):
    answers, error, words = CHANNELS_FAULTS[name]
    with failing(answers) as server:
        with pytest.raises(error, match=words):
            run(store, server)
        assert statuses(store) == dict.fromkeys(PEOPLE, "planned")
        assert len(server.asked) <= 3
        assert after_mending(store, server) == dict.fromkeys(PEOPLE, "sent")
        assert server.taken == Counter({f"{one}@x.org": 1 for one in PEOPLE})


RECIPIENTS_FAULTS = {
    "no such user": ({"RCPT b@x.org": "550 5.1.1 no such user"}, "rejected"),
    "content refused": ({"DOT b@x.org": "552 5.2.3 too large"}, "rejected"),
    "mailbox busy": ({"RCPT b@x.org": "450 4.2.1 busy"}, "planned"),
    "disk full": ({"DOT b@x.org": "452 4.3.1 disk full"}, "planned"),
    "drop before content": ({"RCPT b@x.org": DROP}, "planned"),
    "lost answer": ({"DOT b@x.org": ROGUE_DROP}, "unknown"),
    "late answer": ({"DOT b@x.org": 1.0}, "unknown"),
}


@pytest.mark.parametrize("name", RECIPIENTS_FAULTS)
def test_a_fault_of_one_message_delays_no_other(store, name):
    answers, status = RECIPIENTS_FAULTS[name]
    with failing(answers) as server:
        run(store, server)
        assert statuses(store) == {**dict.fromkeys(PEOPLE, "sent"), "b": status}
        [message] = [candidate for candidate in store.outbox.all() if candidate.customer_id == "b"]
        assert message.reason and "@" not in message.reason
        assert after_mending(store, server)["b"] == ("sent" if status == "planned" else status)
        assert max(server.taken.values()) == 1


def test_two_lost_answers_in_a_row_stop_the_rest(store):
    with failing({"DOT": ROGUE_DROP}) as server:
        with pytest.raises(RetryableError, match="may or may not"):
            run(store, server)
        assert statuses(store) == dict(a="unknown", b="unknown", c="planned", d="planned", e="planned", f="planned")
        assert after_mending(store, server) == {**dict.fromkeys(PEOPLE, "sent"), "a": "unknown", "b": "unknown"}
        assert server.taken == Counter({f"{one}@x.org": 1 for one in PEOPLE})


def test_a_connection_lost_within_large_content_is_retried_because_no_dot_was_sent(store):
    with failing({"CONTENT a@x.org": DROP}) as server:
        run(store, server, text="long\n" * 19_000)
        # The end may be in the socket's buffer already: then the outcome is unknown, and it is not retried.
        assert statuses(store)["a"] in ("planned", "unknown")
        assert after_mending(store, server)["a"] in ("sent", "unknown")
        assert max(server.taken.values()) == 1


def test_addresses_refused_for_different_reasons_are_not_the_channels_fault(store):
    answers = {"RCPT a@x.org": "550 5.1.1 no such user", "RCPT b@x.org": "550 5.2.1 disabled",
               "RCPT c@x.org": "550 5.1.1 no such user", "RCPT d@x.org": "550 5.1.1 no such user"}  # fmt: skip
    with failing(answers) as server:
        run(store, server)
    assert Counter(statuses(store).values()) == {"rejected": 4, "sent": 2}
