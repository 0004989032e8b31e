import os
import signal
import socket
import subprocess
import sys
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from aiosmtpd.controller import Controller

from jobs.journeys.channel import Channel, SendOutcome
from jobs.journeys.channels.smtp import Smtp
from jobs.journeys.sending.send import Recipient, SendRun, Withheld, send
from jobs.journeys.sending.template import Template
from quanyu.errors import LaterError, RejectedError, RetryableError
from quanyu.store import Message, Store

DAY = date(2011, 9, 10)
TEMPLATES = {"hello": Template("hello", "Hi {{ name }}", "Dear {{ name }}")}


class Scripted(Channel):
    """Channel that answers each customer as the test says."""

    name = "test"
    reached_by = "email"

    def __init__(self, **answers):
        self.answers, self.delivered = answers, []

    def deliver(self, envelope):
        self.delivered.append(envelope)
        answer = self.answers.get(envelope.to, SendOutcome("sent"))
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def store(tmp_path):
    with Store(f"sqlite:///{tmp_path}/store.db") as opened:
        yield opened


def plan(store, *customers, day=DAY, channel="test", template="hello"):
    store.outbox.plan(
        [Message(f"k-{name}", "winback", f"i-{name}", "s", name, channel, template, day) for name in customers]
    )


def everyone(messages):
    names = {message.key: message.customer_id for message in messages}
    return {key: Recipient(name, "email", {"name": name.title()}) for key, name in names.items()}


def run(store, channel, reach=everyone, **options):
    return dict(
        send(SendRun(store, channel, reach, TEMPLATES, options.pop("day", DAY), "Shop <s@shop.test>", **options))
    )


def test_everything_due_is_sent_once(store):
    plan(store, *"abcde")
    plan(store, "later", day=DAY + timedelta(days=1))
    channel = Scripted()
    assert run(store, channel, batch=2) == {"recovered": 0, "sent": 5}
    assert run(store, channel) == {"recovered": 0}
    assert [envelope.to for envelope in channel.delivered] == list("abcde")
    assert channel.delivered[0].subject == "Hi A"
    assert store.outbox.counts() == {"planned": 1, "sent": 5}


def test_addresses_are_read_by_batch_and_a_message_without_one_is_held(store):
    plan(store, *"abc")
    asked = []

    def reach(messages):
        asked.append([message.customer_id for message in messages])
        return everyone(messages) | {"k-b": Withheld("no consent")}

    assert run(store, Scripted(), reach, batch=2) == {"recovered": 0, "sent": 2, "held": 1}
    assert asked == [["a", "b"], ["c"]]
    assert [(message.customer_id, message.reason) for message in store.outbox.all("held")] == [("b", "no consent")]


def test_a_message_that_is_withheld_temporarily_waits(store):
    plan(store, *"ab")

    def reach(messages):
        return everyone(messages) | {"k-a": Withheld("consents are in doubt", may_pass=True)}

    assert run(store, Scripted(), reach) == {"recovered": 0, "released": 1, "sent": 1}
    [waiting] = store.outbox.all("planned")
    assert (waiting.customer_id, waiting.attempts, waiting.reason) == ("a", 0, "consents are in doubt")


def test_a_failure_waits_15_minutes_and_delays_no_other_message(store):
    plan(store, *"ab")
    channel = Scripted(a=SendOutcome("failed", "451 later"))
    assert run(store, channel, batch=1) == {"recovered": 0, "failed": 1, "sent": 1}
    assert run(store, channel) == {"recovered": 0}
    [waiting] = store.outbox.all("planned")
    assert (waiting.attempts, waiting.reason) == (1, "451 later")
    assert timedelta(minutes=14) < waiting.not_before - datetime.now(UTC) < timedelta(minutes=16)


def test_a_message_that_must_not_be_sent_ends_and_delays_no_other(store):
    plan(store, *"abc")
    endings = {"k-a": ("expired", "too late"), "k-b": ("cancelled", "no such journey")}
    channel = Scripted()
    assert run(store, channel, recheck=lambda due: endings) == {
        "recovered": 0, "expired": 1, "cancelled": 1, "sent": 1
    }  # fmt: skip
    assert [envelope.to for envelope in channel.delivered] == ["c"]


def refused(reason, status="rejected"):
    return SendOutcome(status, reason, by_server=True)


def test_three_equal_refusals_in_a_row_are_the_channels_fault_and_lose_no_message(store):
    plan(store, *"abcdef")
    channel = Scripted(**{name: refused(f"554 5.7.1 <{name}@x.org> relay denied, id Q{name}7") for name in "bcdef"})
    with pytest.raises(RejectedError, match="3 recipients in a row"):
        run(store, channel)
    assert [envelope.to for envelope in channel.delivered] == list("abcd")
    assert store.outbox.counts() == {"planned": 5, "sent": 1}
    assert {m.customer_id: m.attempts for m in store.outbox.all("planned")} == dict(b=1, c=1, d=1, e=0, f=0)


@pytest.mark.parametrize(
    "answers",
    [
        {"a": refused("550 no such user"), "b": refused("550 no such user"), "d": refused("550 no such user")},
        {"a": refused("550 no such user"), "b": refused("552 mailbox full"), "c": refused("550 no such user")},
        {"a": refused("550 5.1.1 gone"), "b": refused("550 5.2.2 gone"), "c": refused("550 5.1.1 gone")},
    ],
)
def test_other_refusals_are_the_recipients_own(store, answers):
    plan(store, *"abcd")
    assert run(store, Scripted(**answers)) == {"recovered": 0, "rejected": 3, "sent": 1}


def test_two_lost_answers_in_a_row_stop_the_rest(store):
    plan(store, *"abcd")
    channel = Scripted(**{name: SendOutcome("unknown", "no answer") for name in "acd"})
    with pytest.raises(LaterError, match="2 messages in a row"):
        run(store, channel)
    assert store.outbox.counts() == {"sent": 1, "unknown": 3}
    plan(store, *"efg")
    with pytest.raises(LaterError, match="2 messages in a row"):
        run(store, Scripted(e=SendOutcome("unknown"), f=SendOutcome("unknown")))
    assert store.outbox.counts() == {"planned": 1, "sent": 1, "unknown": 5}


def test_each_batch_is_announced_before_any_of_it_goes_out(store):
    plan(store, *"abc")
    written = []

    def record():
        written.append({m.customer_id: (m.status, m.address_hash) for m in store.outbox.all()})

    run(store, Scripted(), record=record, hashed=lambda address: f"hash of {address.to}", batch=2)
    statuses = [{name: status for name, (status, _) in rows.items()} for rows in written]
    assert statuses == [
        dict(a="planned", b="planned", c="planned"), dict(a="announced", b="announced", c="planned"),
        dict(a="sent", b="sent", c="announced"), dict(a="sent", b="sent", c="sent"),
    ]  # fmt: skip
    assert written[-1]["a"] == ("sent", "hash of a")


def test_a_channel_out_of_order_leaves_its_messages_planned(store):
    plan(store, *"ab")
    with pytest.raises(RetryableError):
        run(store, Scripted(a=RetryableError("no server")))
    assert store.outbox.counts() == {"planned": 2}
    assert {message.attempts for message in store.outbox.all()} == {0}


def test_a_text_that_cannot_be_filled_in_is_rejected_alone(store):
    plan(store, *"ab")

    def reach(messages):
        return everyone(messages) | {"k-a": Recipient("a", "email", {})}

    assert run(store, Scripted(), reach) == {"recovered": 0, "rejected": 1, "sent": 1}
    assert "'name' is undefined" in store.outbox.all("rejected")[0].reason


def test_other_channels_are_left_alone(store):
    plan(store, "a", channel="other")
    store.outbox.claim("k-a", DAY)
    assert run(store, Scripted()) == {"recovered": 0}
    assert store.outbox.counts() == {"sending": 1}


SENDER = """
import os, sys, time
from datetime import date
from jobs.journeys.channels.smtp import Smtp
from jobs.journeys.sending.send import Recipient, SendRun, Withheld, send
from jobs.journeys.sending.template import Template
from quanyu.store import Store

store = Store(sys.argv[1])
if sys.argv[3] == "before the status":
    def stop(*_):
        print("accepted", flush=True)
        time.sleep(60)
    store.outbox.set_status = stop
send(SendRun(
    store,
    Smtp("127.0.0.1", int(sys.argv[2]), starttls=False),
    lambda messages: {m.key: Recipient(f"{m.customer_id}@example.com") for m in messages},
    {"hello": Template("hello", "Hi", "Dear")},
    date(2011, 9, 10),
    "Shop <s@shop.test>",
))
"""


class Deadly:
    """Server that accepts every message; the first one kills its sender if a victim is set."""

    def __init__(self):
        self.received, self.victim = Counter(), None

    async def handle_DATA(self, server, session, envelope):
        self.received[envelope.rcpt_tos[0]] += 1
        if self.victim is not None:
            os.kill(self.victim.pid, signal.SIGKILL)
            self.victim = None
        return "250 OK"


@pytest.fixture
def mail():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    controller = Controller(Deadly(), hostname="127.0.0.1", port=port)
    controller.start()
    yield controller
    controller.stop()


@pytest.mark.parametrize("moment", ["while accepting", "before the status"])
def test_a_kill_before_the_outcome_is_stored_leaves_one_message_unknown_and_unsent(tmp_path, mail, moment):
    url = f"sqlite:///{tmp_path}/store.db"
    with Store(url) as store:
        plan(store, *"abc", channel="smtp")
        process = subprocess.Popen(
            [sys.executable, "-c", SENDER, url, str(mail.port), moment], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        if moment == "while accepting":
            mail.handler.victim = process
        else:
            assert process.stdout.readline() == b"accepted\n"
            process.kill()
        assert process.wait(timeout=30) == -signal.SIGKILL
        process.communicate()
        assert store.outbox.counts() == {"announced": 2, "sending": 1}
        channel = Smtp("127.0.0.1", mail.port, starttls=False)

        def reach(messages):
            names = {message.key: message.customer_id for message in messages}
            return {key: Recipient(f"{name}@example.com", "email", {"name": name}) for key, name in names.items()}

        assert run(store, channel, reach) == {"recovered": 1, "sent": 2}
        assert run(store, channel, reach) == {"recovered": 0}
        assert store.outbox.counts() == {"sent": 2, "unknown": 1}
        assert [message.customer_id for message in store.outbox.all("unknown")] == ["a"]
    assert mail.handler.received == {f"{name}@example.com": 1 for name in "abc"}
