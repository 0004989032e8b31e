"""Who enters a journey: from its first day on, not under a new name, not too soon again, and not while under way."""

from dataclasses import replace
from datetime import date, timedelta
from types import SimpleNamespace

import pytest

from jobs.journeys import entry, frequency
from jobs.journeys.program import Decision, new_instance
from quanyu.config.settings import Settings
from quanyu.grammar.journey import Journey
from quanyu.store import Message, Store

START = date(2024, 1, 1)


def on(days):
    return START + timedelta(days=days)


def journey(name, was=None):
    keys = {"file": f"{name}.yml", "describes": "d", "owner": "o", "enters": "winback", "starts": START}
    return Journey(name=name, steps=[{"wait": "1 days"}], was=was, **keys)


def walk(name, audience="winback"):
    return replace(new_instance(name, "ann", START), audience=audience)


@pytest.mark.parametrize(
    ("journeys", "walks", "closed"),
    [
        ([journey("hello")], [], set()),
        # The file was renamed: its customers must not get the messages again.
        ([journey("hello")], [walk("winback")], {"hello"}),
        ([journey("hello")], [walk("winback", None)], {"hello"}),
        ([journey("hello")], [walk("winback", "loyal")], set()),
        ([journey("hello", "none")], [walk("winback")], set()),
        ([journey("hello"), journey("winback")], [walk("winback")], set()),
        ([journey("hello")], [walk("winback"), walk("hello")], set()),
    ],
)
def test_nobody_enters_a_journey_that_may_be_renamed_until_it_is_declared(journeys, walks, closed):
    assert set(entry.closed(journeys, walks, {})) == closed


def test_the_summary_says_what_to_write():
    words = entry.closed([journey("hello")], [walk("winback")], {})["hello"]
    assert words == (
        "winback has no file any more; write `was: winback` if it is its new name, `was: none` if it is another journey"
    )
    assert entry.closed([journey("hello")], [], {"winback": "stands at 1"}) == {"hello": "stands at 1"}


@pytest.mark.parametrize(
    ("status", "moved", "again", "days", "barred"),
    [
        ("ended", 3, 29, 30, True),
        ("ended", 3, 30, 30, False),
        ("ended", 3, 4, 0, False),
        ("ended", 3, 3, 0, True),
        ("ended", 3, 0, 0, True),
        ("active", 3, 90, 30, True),
        ("active", 3, -1, 0, False),
    ],
)
def test_nobody_enters_again_too_soon_or_while_under_way(status, moved, again, days, barred):
    one = replace(new_instance("winback", "ann", START), status=status, moved_on=on(moved))
    assert one.prevents_entry(on(again), days) is barred


@pytest.fixture
def context(tmp_path):
    settings = Settings(home=tmp_path, conf=tmp_path, data=tmp_path, landing=tmp_path, quiet_days=2)
    with Store(f"sqlite:///{tmp_path}/store.db") as store:
        yield SimpleNamespace(settings=settings, store=store, day=on(3))


def message(who, step, due):
    name = new_instance("winback", who, START).instance_id
    return Decision(name, step, "winback", who, on(due), "message")


def put_down(context, decision, day, status):
    key = f"{decision.instance_id}-{decision.step}"
    values = (decision.journey, decision.instance_id, str(decision.step), decision.customer_id, "eml", "t", on(day))
    context.store.outbox.plan([Message(key, *values)])
    if status != "planned":
        context.store.outbox.claim(key, on(day))
        context.store.outbox.set_status(key, status)


@pytest.mark.parametrize(
    ("status", "day", "waits"),
    [("sent", 2, 1), ("unknown", 2, 1), ("sent", 1, 0), ("held", 2, 0), ("rejected", 2, 0), ("planned", 1, 1)],
)
def test_only_messages_that_may_have_arrived_count_against_the_cap(context, status, day, waits):
    first, second = message("ann", 1, day), message("ann", 2, 3)
    put_down(context, first, day, status)
    going, waiting = frequency.limit_frequency(context, [first, second], [], lambda decision: on(9))
    assert (len(going), waiting) == (2 - waits, waits)


def test_each_person_gets_one_message_a_day_and_late_ones_pass_to_expire(context):
    walks = [replace(new_instance("winback", "bob", START), customer_id="ann"), new_instance("winback", "ann", START)]
    decided = [message("ann", 1, 3), message("bob", 1, 2), message("eve", 1, 3)]
    going, waiting = frequency.limit_frequency(context, decided, walks, lambda decision: on(9))
    # Ann and bob are one person since a merge.
    assert ([decision.customer_id for decision in going], waiting) == (["bob", "eve"], 1)
    assert frequency.limit_frequency(context, decided, walks, lambda decision: on(2)) == (
        sorted(decided, key=lambda decision: (decision.decided_on, decision.instance_id)), 0,
    )  # fmt: skip
