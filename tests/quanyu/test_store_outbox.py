import contextlib
import sqlite3
import tempfile
import threading
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from quanyu.errors import QuanyuError
from quanyu.store import Message, Store

DAY = date(2011, 9, 10)


def message(key: str, **changes) -> Message:
    planned = Message(
        key=key,
        journey="winback",
        instance_id=f"winback:{key}",
        step="remind",
        customer_id=f"c-{key}",
        channel="eml",
        template="we-miss-you",
        planned_on=DAY,
    )
    return replace(planned, **changes)


@pytest.fixture
def outbox(tmp_path):
    with Store(f"sqlite:///{tmp_path}/store.db") as store:
        yield store.outbox


def test_planning_again_adds_nothing(outbox):
    assert outbox.plan([message("a"), message("b"), message("b")]) == 2
    assert outbox.plan([message("a"), message("b"), message("c")]) == 1
    assert outbox.plan([]) == 0
    assert outbox.counts() == {"planned": 3}


def test_planning_again_does_not_touch_what_was_sent(outbox):
    outbox.plan([message("a")])
    outbox.claim("a", DAY)
    outbox.set_status("a", "sent")
    assert outbox.plan([message("a", template="another")]) == 0
    [stored] = outbox.all()
    assert (stored.status, stored.template, stored.attempts) == ("sent", "we-miss-you", 1)


def test_only_what_is_due_and_planned_is_claimed(outbox):
    tomorrow = DAY + timedelta(days=1)
    outbox.plan([message("a"), message("late", planned_on=tomorrow), message("held", status="held")])
    assert [key for key in ("a", "late", "held") if outbox.claim(key, DAY)] == ["a"]
    assert [key for key in ("a", "late", "held") if outbox.claim(key, tomorrow)] == ["late"]


def test_what_is_due_comes_in_order_by_channel_and_within_the_limit(outbox):
    outbox.plan([*(message(key) for key in "dbca"), message("0", channel="smtp")])
    assert [due.key for due in outbox.due(3, DAY, "eml")] == ["a", "b", "c"]
    assert [due.key for due in outbox.due(3, DAY, "smtp")] == ["0"]


def test_a_failure_is_planned_again_and_waits_for_a_later_sender(outbox):
    outbox.plan([message("a")])
    assert [due.key for due in outbox.due(5, DAY)] == ["a"]
    assert outbox.claim("a", DAY)
    assert (outbox.find("a").status, outbox.find("a").attempts) == ("sending", 0)
    outbox.set_status("a", "failed", "451 try later", datetime.now(UTC) + timedelta(minutes=15))
    assert (outbox.due(5, DAY), outbox.claim("a", DAY)) == ([], False)
    outbox.plan([message("b")])
    outbox.claim("b", DAY)
    outbox.set_status("b", "failed", "451 try later", datetime.now(UTC))
    [again] = outbox.due(5, DAY)
    assert (again.key, again.attempts, again.reason) == ("b", 1, "451 try later")


def test_messages_with_the_fewest_attempts_are_due_first(outbox):
    outbox.plan([message("a"), message("b")])
    outbox.claim("a", DAY)
    outbox.set_status("a", "failed", "451 try later", datetime.now(UTC))
    assert [due.key for due in outbox.due(5, DAY)] == ["b", "a"]


def test_a_released_message_is_planned_again_as_if_untried(outbox):
    outbox.plan([message("a")])
    outbox.claim("a", DAY)
    outbox.set_status("a", "released")
    [again] = outbox.due(5, DAY)
    assert (again.status, again.attempts) == ("planned", 0)


def test_recovery_of_one_channel_leaves_the_other(outbox):
    outbox.plan([message("a"), message("b", channel="smtp")])
    assert outbox.claim("a", DAY) and outbox.claim("b", DAY)
    assert outbox.recover(channel="smtp") == 1
    assert [sending.key for sending in outbox.all("sending")] == ["a"]


def test_messages_of_a_dead_sender_become_unknown_and_are_not_claimed_again(outbox):
    outbox.plan([message("a"), message("b")])
    outbox.claim("a", DAY)
    assert outbox.recover() == 1
    assert [key for key in "ab" if outbox.claim(key, DAY)] == ["b"]
    assert outbox.counts() == {"sending": 1, "unknown": 1}
    with pytest.raises(QuanyuError):
        outbox.set_status("a", "failed")
    outbox.set_status("a", "sent")


@pytest.mark.parametrize("status", ["sent", "rejected", "unknown", "failed"])
def test_only_a_claimed_message_can_be_marked(outbox, status):
    outbox.plan([message("a")])
    with pytest.raises(QuanyuError, match="not on its way"):
        outbox.set_status("a", status)
    outbox.claim("a", DAY)
    outbox.set_status("a", status)


def test_statuses_outside_the_list_are_refused(outbox):
    outbox.plan([message("a")])
    with pytest.raises(QuanyuError, match="cannot be marked"):
        outbox.set_status("a", "planned")
    with pytest.raises(QuanyuError, match="planned or held"):
        outbox.plan([message("b", status="sent")])


@pytest.mark.parametrize(
    ("reason", "stored"),
    [
        ("550 <ann@example.com> no such user", "550 <[...]> no such user"),
        ("no such user:bob.o'neil+x@例子.中国", "no such user:[...]"),
        ("number +86 138 0013 8000 is barred", "number [...] is barred"),
        ("554 5.7.1 spam", "554 5.7.1 spam"),
    ],
)
def test_a_reason_keeps_no_address(outbox, reason, stored):
    outbox.plan([message("a")])
    outbox.claim("a", DAY)
    outbox.set_status("a", "rejected", reason)
    assert outbox.all("rejected")[0].reason == stored


def test_announced_messages_were_not_sent(outbox):
    outbox.plan([message("a"), message("b")])
    outbox.announce({"a": ("email", "hash-a"), "b": ("email", "hash-b")})
    assert outbox.due(5, DAY) == []
    assert outbox.claim("a", DAY)
    claimed = outbox.find("a")
    assert (claimed.address_kind, claimed.address_hash) == ("email", "hash-a")
    assert outbox.recover() == 1
    assert outbox.counts() == {"planned": 1, "unknown": 1}
    outbox.claim("b", DAY)
    assert outbox.recover(repeatable=True) == 0
    assert outbox.counts() == {"planned": 1, "unknown": 1}


def test_a_person_settles_what_is_unknown_and_the_reason_stays(outbox):
    outbox.plan([message("a"), message("b")])
    assert outbox.claim("a", DAY) and outbox.claim("b", DAY)
    outbox.recover()
    outbox.set_status("a", "again", note="ann: it never came", expires_on=DAY)
    outbox.set_status("b", "closed", note="ann: too late")
    outbox.claim("a", DAY)
    outbox.set_status("a", "sent")
    assert [(settled.status, settled.note) for settled in outbox.all()] == [
        ("sent", "ann: it never came"), ("closed", "ann: too late")
    ]  # fmt: skip
    with pytest.raises(QuanyuError):
        outbox.set_status("a", "again", note="once more")


def test_store_and_lake_exchange_the_changes_that_the_other_lacks(outbox, tmp_path):
    outbox.plan([message(key) for key in "abcde"])
    early = [replace(entry, recorded=entry.revision) for entry in outbox.all()]
    outbox.announce({key: ("email", key) for key in "bc"})
    later = outbox.all()
    with Store(f"sqlite:///{tmp_path}/lost.db") as lost:
        assert lost.outbox.restore(later) == 5
        assert lost.outbox.counts() == {"planned": 3, "unknown": 2}
        assert lost.outbox.restore(later) == 0
    with Store(f"sqlite:///{tmp_path}/yesterday.db") as yesterday:
        yesterday.outbox.plan(early)
        assert yesterday.outbox.restore(later) == 2
        assert yesterday.outbox.counts() == {"planned": 3, "unknown": 2}
    outbox.record(later)
    assert outbox.unrecorded() == []
    assert outbox.restore(early[:4]) == 0
    assert sorted(entry.key for entry in outbox.unrecorded()) == ["b", "c", "e"]
    assert outbox.counts() == {"announced": 2, "planned": 3}


OLD = """
create table outbox (
    key varchar(200) not null primary key, journey varchar(200) not null, instance_id varchar(200) not null,
    step varchar(200) not null, customer_id varchar(200) not null, channel varchar(100) not null,
    template varchar(200) not null, planned_on date not null, status varchar(10) not null, attempts integer not null,
    reason text, updated_at datetime not null, check (status in ('planned', 'sending', 'sent'))
);
create index outbox_by_status on outbox (status, planned_on, "key");
insert into outbox values ('a', 'j', 'i', '1', 'c', 'eml', 't', '2011-09-09', 'sent', 1, null, '2011-09-09 10:00:00');
insert into outbox values ('b', 'j', 'i', '2', 'c', 'eml', 't', '2011-09-10', 'planned', 0, null, '2011-09-10 10:00');
"""


def test_the_outbox_of_an_older_release_keeps_its_messages(tmp_path):
    with contextlib.closing(sqlite3.connect(tmp_path / "store.db")) as before, before:
        before.executescript(OLD)
    for _ in range(2):
        with Store(f"sqlite:///{tmp_path}/store.db") as store:
            assert [(entry.key, entry.status) for entry in store.outbox.all()] == [("a", "sent"), ("b", "planned")]
            assert [entry.key for entry in store.outbox.unrecorded()] == ["b", "a"]
    with Store(f"sqlite:///{tmp_path}/store.db") as store:
        store.outbox.set_status("b", "expired", "too late")
        assert store.outbox.counts() == {"expired": 1, "sent": 1}


def test_senders_side_by_side_share_the_messages_out(tmp_path):
    url = f"sqlite:///{tmp_path}/store.db"
    with Store(url) as store:
        store.outbox.plan([message(f"{n:03}") for n in range(200)])
    claimed_keys: list[str] = []

    def work() -> None:
        with Store(url) as store:
            while due := store.outbox.due(7, DAY):
                claimed_keys.extend(message.key for message in due if store.outbox.claim(message.key, DAY))

    workers = [threading.Thread(target=work) for _ in range(5)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert sorted(claimed_keys) == [f"{n:03}" for n in range(200)]


class Senders(RuleBasedStateMachine):
    """Any order of planning, claiming, marking and crashing, by two senders, one of which may reopen at any time."""

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.url = f"sqlite:///{self.folder.name}/store.db"
        self.store = Store(self.url)
        self.claimable: dict[str, bool] = {}
        self.on_the_way: set[str] = set()

    def teardown(self):
        self.store.close()
        self.folder.cleanup()

    @rule(keys=st.lists(st.sampled_from("abcdefgh"), max_size=5))
    def plan(self, keys):
        new = set(keys) - set(self.claimable)
        assert self.store.outbox.plan([message(key) for key in keys]) == len(new)
        self.claimable |= dict.fromkeys(new, True)

    @rule(key=st.sampled_from("abcdefgh"))
    def claim(self, key):
        if self.store.outbox.claim(key, DAY):
            assert self.claimable[key], "handed out twice"
            self.claimable[key] = False
            self.on_the_way.add(key)
        else:
            assert not self.claimable.get(key)

    @rule(status=st.sampled_from(["sent", "rejected", "unknown", "held", "failed", "released"]))
    def mark(self, status):
        if self.on_the_way:
            key = min(self.on_the_way)
            self.store.outbox.set_status(key, status)
            self.on_the_way.discard(key)
            self.claimable[key] = status in ("failed", "released")

    @rule()
    def die_and_recover(self):
        self.store.close()
        self.store = Store(self.url)
        assert self.store.outbox.recover() == len(self.on_the_way)
        self.on_the_way.clear()

    @invariant()
    def planned_is_what_may_be_claimed(self):
        planned = {entry.key for entry in self.store.outbox.all("planned")}
        assert planned == {key for key, free in self.claimable.items() if free}


Senders.TestCase.settings = settings(
    max_examples=15, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
test_no_message_is_handed_out_twice = Senders.TestCase
