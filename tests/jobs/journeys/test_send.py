import os
import signal
import socket
import subprocess
import sys
from collections import Counter
from datetime import date, timedelta

import pytest
from aiosmtpd.controller import Controller

from jobs.journeys.channel import Channel, Outcome
from jobs.journeys.channels.smtp import Smtp
from jobs.journeys.send import Address, send
from jobs.journeys.template import Template
from quanyu.errors import ConfigError, RetryableError
from quanyu.store import Message, Store

DAY = date(2011, 9, 10)
TEMPLATES = {"hello": Template("hello", "Hi {{ name }}", "Dear {{ name }}")}


class Scripted(Channel):
    """Answers each customer as the test says."""

    name = "test"
    reached_by = "email"

    def __init__(self, **answers):
        self.answers, self.delivered = answers, []

    def deliver(self, envelope):
        self.delivered.append(envelope)
        answer = self.answers.get(envelope.to, Outcome("sent"))
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


def everyone(customers):
    return {name: Address(name, {"name": name.title()}) for name in customers}


def run(store, channel, addresses=everyone, **options):
    return send(store, channel, addresses, TEMPLATES, options.pop("day", DAY), "Shop <s@shop.test>", **options)


def test_everything_due_is_sent_once(store):
    plan(store, *"abcde")
    plan(store, "later", day=DAY + timedelta(days=1))
    channel = Scripted()
    assert run(store, channel, batch=2) == {"recovered": 0, "sent": 5}
    assert run(store, channel) == {"recovered": 0}
    assert [envelope.to for envelope in channel.delivered] == list("abcde")
    assert channel.delivered[0].subject == "Hi A"
    assert store.outbox.counts() == {"planned": 1, "sent": 5}


def test_addresses_are_asked_for_by_batch_and_who_has_none_is_held(store):
    plan(store, *"abc")
    asked = []

    def addresses(customers):
        asked.append(list(customers))
        return {name: address for name, address in everyone(customers).items() if name != "b"}

    assert run(store, Scripted(), addresses, batch=2) == {"recovered": 0, "sent": 2, "held": 1}
    assert asked == [["a", "b"], ["c"]]
    assert [message.customer_id for message in store.outbox.all("held")] == ["b"]


def test_a_failure_waits_for_the_next_call_and_is_given_up_in_the_end(store):
    plan(store, *"ab")
    channel = Scripted(a=Outcome("failed", "451 later"))
    assert run(store, channel, attempts=3) == {"recovered": 0, "failed": 1, "sent": 1}
    assert run(store, channel, attempts=3) == {"recovered": 0, "failed": 1}
    assert run(store, channel, attempts=3) == {"recovered": 0, "rejected": 1}
    assert run(store, channel, attempts=3) == {"recovered": 0}
    [given_up] = store.outbox.all("rejected")
    assert (given_up.attempts, given_up.reason) == (3, "given up after 3 attempts: 451 later")


def test_a_channel_out_of_order_leaves_its_messages_planned(store):
    plan(store, *"ab")
    with pytest.raises(RetryableError):
        run(store, Scripted(a=RetryableError("no server")))
    assert store.outbox.counts() == {"planned": 2}
    assert {message.attempts for message in store.outbox.all()} == {0}


def test_a_text_that_cannot_be_filled_in_is_rejected_alone(store):
    plan(store, *"ab")

    def addresses(customers):
        return everyone(customers) | {"a": Address("a", {})}

    assert run(store, Scripted(), addresses) == {"recovered": 0, "rejected": 1, "sent": 1}
    assert "'name' is undefined" in store.outbox.all("rejected")[0].reason


def test_an_unknown_template_stops_before_anything_is_claimed(store):
    plan(store, "a")
    plan(store, "b", template="helo")
    with pytest.raises(ConfigError, match="did you mean 'hello'"):
        run(store, Scripted())
    assert store.outbox.counts() == {"planned": 2}


def test_other_channels_are_left_alone(store):
    plan(store, "a", channel="other")
    store.outbox.claim(1, DAY)
    assert run(store, Scripted()) == {"recovered": 0}
    assert store.outbox.counts() == {"sending": 1}


SENDER = """
import os, sys, time
from datetime import date
from jobs.journeys.channels.smtp import Smtp
from jobs.journeys.send import Address, send
from jobs.journeys.template import Template
from quanyu.store import Store

store = Store(sys.argv[1])
if sys.argv[3] == "before the mark":
    def stop(*_):
        print("accepted", flush=True)
        time.sleep(60)
    store.outbox.mark = stop
send(
    store,
    Smtp("127.0.0.1", int(sys.argv[2]), starttls=False),
    lambda customers: {c: Address(f"{c}@example.com") for c in customers},
    {"hello": Template("hello", "Hi", "Dear")},
    date(2011, 9, 10),
    "Shop <s@shop.test>",
)
"""


class Deadly:
    """Takes every message; the first one costs its sender's life when a victim is set."""

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
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    controller = Controller(Deadly(), hostname="127.0.0.1", port=port)
    controller.start()
    yield controller
    controller.stop()


@pytest.mark.parametrize("moment", ["while accepting", "before the mark"])
def test_a_sender_killed_before_its_mark_leaves_one_message_unknown_and_never_sends_it_again(tmp_path, mail, moment):
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
        assert store.outbox.counts() == {"planned": 2, "sending": 1}
        channel = Smtp("127.0.0.1", mail.port, starttls=False)

        def addresses(customers):
            return {name: Address(f"{name}@example.com", {"name": name}) for name in customers}

        assert run(store, channel, addresses) == {"recovered": 1, "sent": 2}
        assert run(store, channel, addresses) == {"recovered": 0}
        assert store.outbox.counts() == {"sent": 2, "unknown": 1}
        assert [message.customer_id for message in store.outbox.all("unknown")] == ["a"]
    assert mail.handler.received == {f"{name}@example.com": 1 for name in "abc"}
