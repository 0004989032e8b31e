import os
import subprocess
import sys
from datetime import date

import pytest
import small_day

from jobs.journeys.sending import settlement
from jobs.journeys.sending.mail import fingerprint
from quanyu.store import Message

DAY = date(2024, 7, 1)
FEED = """
describes: What became of our messages, as the mail system tells.
owner: crm
freshness: none
reads: {path: "mails/{day}.csv", format: csv}
delivers: events
person: [{kind: email, value: email}]
fills:
  messages: {message_id: id, status: status, at: "cast(at as timestamp)", channel: "'email'"}
"""


@pytest.fixture
def settle(retailer):
    """Function from events about the unknown messages a to g to their statuses and reasons by key."""

    def outcomes_of(*rows):
        retailer.declare("sources/mails.yml", FEED)
        lines = [f"p{n}@x.org,{identifier},{status},2024-07-01 10:0{n}:00"
                 for n, (identifier, status) in enumerate(rows)]  # fmt: skip
        retailer.land("mails/2024-07-01.csv", "\n".join(["email,id,status,at", *lines]) + "\n")
        retailer.ingest("mails", small_day.FIRST)
        context = retailer.context(small_day.FIRST)
        outbox = context.store.outbox
        outbox.plan([Message(key, "j", f"i-{key}", "0", f"c-{key}", "smtp", "j.0", DAY) for key in "abcdefg"])
        for key in "abcdefg":
            outbox.claim(key, DAY)
        outbox.recover()
        number = settlement.settle(context)
        return number, {message.key: (message.status, message.reason) for message in outbox.all()}

    return outcomes_of


def test_reported_events_settle_unknown_messages(settle):
    number, outcomes = settle(
        (fingerprint("a"), "delivered"),
        (f"<{fingerprint('b')}@shop.test>", "opened"),
        (f"{fingerprint('c')}@shop.test", "bounced"),
        ("d", "clicked"),
        (fingerprint("e"), "sent"),
        (fingerprint("another"), "bounced"),
        (fingerprint("g"), "delivered"),
        (fingerprint("g"), "bounced"),
    )
    assert number == 5
    assert {key: status for key, (status, _) in outcomes.items()} == {
        "a": "sent", "b": "sent", "c": "rejected", "d": "sent", "e": "unknown", "f": "unknown", "g": "rejected"
    }  # fmt: skip
    assert outcomes["c"][1] == "settled by the message system: bounced"


ALONE = """
import sys
from datetime import date
from jobs.journeys.sending import settlement
from quanyu.run.runner import Context
from quanyu.config.settings import load_settings

context = Context(load_settings(*sys.argv[1:]), date(2024, 7, 1))
print(settlement.settle(context))
context.close()
"""


def test_messages_are_settled_in_a_run_without_a_session(settle, retailer):
    # A repeated run skips all earlier steps, so no session exists yet when the expressions are built.
    settle(("another", "delivered"))
    folders = [str(retailer.conf), str(retailer.home)]
    # pyspark sets a variable once a process has had a session.
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SPARK_")}
    command = [sys.executable, "-c", ALONE, *folders]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, env=clean)
    assert answer.stdout.strip() == "0", answer.stderr
