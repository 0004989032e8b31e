import contextlib
import dataclasses
import email
import email.policy
import shutil
import socket
import sqlite3
from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from aiosmtpd.controller import Controller

from jobs.journeys import instances, steps
from jobs.journeys.channels.eml import Eml
from jobs.journeys.facts import JourneyFacts
from jobs.journeys.instances import CustomerEvent
from jobs.journeys.program import Decision, JourneyInstance, new_instance, program
from jobs.journeys.sending import addresses, delivery
from jobs.journeys.sending.send import Recipient, Withheld
from quanyu.config.settings import Settings
from quanyu.errors import ConfigError
from quanyu.grammar.journey import Journey, JourneyStep, MessageTemplate
from quanyu.home import home_name
from quanyu.lake import WriteCounts
from quanyu.lake.receipt import Receipt
from quanyu.model.outcomes import Decisions, JourneyInstances
from quanyu.model.trade import Orders
from quanyu.run.runner import Context
from quanyu.store import Store

START = date(2024, 1, 1)
ROOT = Path(__file__).parents[3]
YAML = ROOT / "conf/journeys/winback.yml"


def on(days):
    return START + timedelta(days=days)


class Retailer:
    """A home whose lake is a few lists: entries, purchases and consents."""

    def __init__(self, tmp_path, monkeypatch, journeys=None, **mail):
        self.home, self.mail = tmp_path / "home", mail
        self.home.mkdir(parents=True)
        (self.home / "person.key").write_text("a" * 64)
        self.journeys = journeys or {"winback": Journey.load(YAML).model_copy(update={"starts": START})}
        self.entries, self.bought, self.consents, self.tables = [], {}, set(), {}
        self.stop_at = None
        self.asked = []
        monkeypatch.setattr(instances, "entries", self._entries)
        monkeypatch.setattr(
            instances, "first_records", lambda context, customers: {who: ("crm", who) for who in customers}
        )
        monkeypatch.setattr(
            instances, "customers_of_records", lambda context, records: {record: record[1] for record in records}
        )
        monkeypatch.setattr(instances, "customer_events", self._happenings)
        monkeypatch.setattr(instances, "consenting", lambda context, due: self.consents & {w.customer_id for w in due})
        monkeypatch.setattr(instances, "read_instances", lambda context: self.tables.get("journey_instances", []))
        monkeypatch.setattr(instances, "decisions", lambda context: self.tables.get("decisions", []))
        monkeypatch.setattr(instances, "replace_table", self._keep)
        monkeypatch.setattr(addresses, "addresses", lambda context, kind, wanted: self._reach)

    def _entries(self, context, audiences):
        return [("winback", who, on(n)) for who, n in self.entries if on(n) <= context.day]

    def _happenings(self, context, due, tables):
        return {("orders", who): [CustomerEvent(on(n), on(n), None) for n in days] for who, days in self.bought.items()}

    def _reach(self, messages):
        self.asked.append(tuple(message.customer_id for message in messages))
        return {message.key: self._address(message.customer_id) for message in messages}

    def _address(self, who):
        values = {"name": who, "city": ""}
        return Recipient(f"{who}@x.org", "email", values) if who in self.consents else Withheld("no consent")

    def _keep(self, context, name, rows, receipt):
        if self.stop_at == f"before {name}":
            raise KeyboardInterrupt
        before = self.tables.get(name, [])
        self.tables[name] = list(rows)
        if self.stop_at == f"after {name}":
            raise KeyboardInterrupt
        return WriteCounts(inserted=len(set(rows) - set(before)))

    def context(self, n):
        settings = Settings(home=self.home, conf=ROOT, data=ROOT, landing=ROOT, mail=self.mail)
        context = Context(settings, on(n))
        tables, journeys = {"orders": Orders}, self.journeys
        context.catalogue = SimpleNamespace(
            settings=settings, journeys=journeys, audiences={}, tables=tables, sources={}
        )
        return context

    def run(self, n):
        """Decide and send for a day. Returns both outcomes."""
        context = self.context(n)
        try:
            go, out = steps.steps(context.catalogue)
            receipt = Receipt("journeys", str(context.day), "r", "d")
            return go.run(context, receipt), out.run(context, receipt)
        finally:
            context.store.close()

    def deliveries(self):
        """Rows of the lake about messages."""
        return self.context(0).lake.rows("gold/deliveries").to_pylist()

    def state(self):
        with Store(f"sqlite:///{self.home}/store.db") as store:
            messages = [dataclasses.replace(message, updated_at=None) for message in store.outbox.all()]
        return {name: set(rows) for name, rows in self.tables.items()}, messages


@pytest.fixture
def retailer(tmp_path, monkeypatch):
    return Retailer(tmp_path, monkeypatch)


def mails(retailer):
    paths = sorted(retailer.home.rglob("*.eml"))
    return [email.message_from_bytes(p.read_bytes(), policy=email.policy.default) for p in paths]


def test_rows_have_the_columns_of_their_tables():
    assert [f.name for f in dataclasses.fields(JourneyInstance)] == list(JourneyInstances.columns)
    assert [f.name for f in dataclasses.fields(Decision)] == list(Decisions.columns)


def test_a_customer_gets_the_message_once_on_the_third_day(retailer):
    retailer.entries, retailer.consents = [("ann", 0), ("bob", 2)], {"ann", "bob"}
    assert [retailer.run(n)[1].facts.sent for n in (0, 1, 2, 3, 3, 4, 5, 5, 12)] == [0, 0, 0, 1, 0, 0, 1, 0, 0]
    assert [message["To"] for message in mails(retailer)] == ["ann@x.org", "bob@x.org"]
    assert mails(retailer)[0]["Subject"] == "ann，好久不见，为您留了一份心意"
    assert Counter(d.decision for d in retailer.tables["decisions"]) == {"message": 2, "otherwise": 2, "end": 2}


def test_without_consent_nothing_is_planned_and_the_summary_says_so(retailer):
    retailer.entries, retailer.consents = [("ann", 0), ("bob", 0)], {"bob"}
    outcome, sent = retailer.run(3)
    assert outcome.notes == ("1 message held back: no consent to messages",)
    assert outcome.facts == JourneyFacts(entered=2, going=2, decided=1, planned=1, held=1, ended=0)
    assert {name: count for name, count in dataclasses.asdict(sent.facts).items() if count} == {"sent": 1}


def test_a_consent_withdrawn_between_decision_and_sending_holds_the_message(retailer, monkeypatch):
    retailer.entries, retailer.consents = [("ann", 0)], {"ann"}
    withheld = Withheld("withdrawn on 2024-01-04")
    monkeypatch.setattr(addresses, "addresses", lambda *_: lambda messages: {m.key: withheld for m in messages})
    _, sent = retailer.run(3)
    assert (sent.facts.held, sent.facts.sent) == (1, 0)
    assert sent.notes == ("1 held when it was time to send; `quanyu outbox --status held` has the reasons",)
    assert [row["reason"] for row in retailer.deliveries()] == ["withdrawn on 2024-01-04"]


def test_no_address_is_read_and_no_channel_opened_when_nothing_is_due(retailer, monkeypatch):
    retailer.entries, retailer.consents = [("ann", 0)], {"ann"}
    monkeypatch.setattr(delivery, "channel", None)
    retailer.run(2)
    assert retailer.asked == []


def test_a_run_after_a_gap_decides_as_daily_runs_and_old_messages_expire(retailer, tmp_path, monkeypatch):
    retailer.entries, retailer.consents, retailer.bought = [("ann", 0), ("bob", 1)], {"ann", "bob"}, {"bob": [20]}
    for n in range(13):
        retailer.run(n)
    gaps = Retailer(tmp_path / "gaps", monkeypatch)
    gaps.entries, gaps.consents, gaps.bought = retailer.entries, retailer.consents, retailer.bought
    gaps.run(2)
    gaps.run(6)
    gaps.run(12)
    assert gaps.state()[0] == retailer.state()[0]
    late = sorted((row["customer_id"], row["due_on"], row["status"], row["reason"]) for row in gaps.deliveries())
    assert late == [
        ("ann", on(3), "expired", f"was due on {on(3)}, and may go out until {on(5)}"),
        ("bob", on(4), "sent", None),
    ]
    assert {row["customer_id"]: row["status"] for row in retailer.deliveries()} == {"ann": "sent", "bob": "sent"}


def test_a_message_may_declare_when_it_expires(retailer):
    patient = MessageTemplate(channel="email", subject="Hi", body="Still there?", expires="30 days")
    steps = (JourneyStep(wait="3 days"), JourneyStep(message=patient))
    retailer.journeys = {"winback": retailer.journeys["winback"].model_copy(update={"steps": steps})}
    retailer.entries, retailer.consents = [("ann", 0), ("bob", 1)], {"ann", "bob"}
    retailer.run(34)
    assert {row["customer_id"]: row["status"] for row in retailer.deliveries()} == {"ann": "expired", "bob": "sent"}


def planned_and_not_sent(retailer, day=3):
    """A due message of ann that is in the outbox, because its channel failed on its day."""
    retailer.entries, retailer.consents = [("ann", 0)], {"ann"}
    context = retailer.context(day)
    steps.steps(context.catalogue)[0].run(context, Receipt("journeys", str(context.day), "r", "d"))
    context.close()


def reason_of(retailer, status):
    [row] = retailer.deliveries()
    assert row["status"] == status
    return row["reason"]


def test_messages_for_another_or_a_failing_channel_expire_too(retailer):
    planned_and_not_sent(retailer)
    retailer.mail = {"channel": "smtp", "port": 1}
    assert retailer.run(5)[1].notes == ("1 planned for the channel eml, which mail.channel no longer names",)
    assert retailer.run(6)[1].facts.expired == 1
    assert "was due on 2024-01-04, and may go out until 2024-01-06" in reason_of(retailer, "expired")


def test_a_customer_who_reached_the_goal_gets_no_message(retailer):
    planned_and_not_sent(retailer)
    retailer.bought = {"ann": [4]}
    retailer.run(4)
    assert "goal was reached" in reason_of(retailer, "expired")
    assert mails(retailer) == []


@pytest.mark.parametrize("outcome", [instances.MERGED, "goal", None])
def test_a_customer_who_left_the_journey_gets_no_message(retailer, outcome):
    planned_and_not_sent(retailer)
    ended = [dataclasses.replace(w, status="ended", outcome=outcome) for w in retailer.tables["journey_instances"]]
    retailer.tables["journey_instances"] = ended if outcome else []
    context = retailer.context(4)
    steps.steps(context.catalogue)[1].run(context, Receipt("send", str(context.day), "r", "d"))
    context.close()
    assert ("left the journey" if outcome else "is gone") in reason_of(retailer, "expired")


def test_a_message_of_a_removed_journey_is_cancelled_and_delays_no_other(retailer):
    planned_and_not_sent(retailer)
    store = retailer.context(3).store
    [other] = store.outbox.all()
    store.outbox.plan([dataclasses.replace(other, key="gone", journey="gone", instance_id="x", template="gone.1")])
    _, sent = retailer.run(4)
    assert (sent.facts.sent, sent.facts.cancelled) == (1, 1)
    assert store.outbox.find("gone").reason == "the journey gone is not declared any more"
    store.close()


def test_a_lost_store_restores_sent_messages_from_the_lake(retailer):
    planned_and_not_sent(retailer)
    retailer.run(3)
    (retailer.home / "store.db").rename(retailer.home / "lost.db")
    assert retailer.run(4)[1].facts.sent == 0
    assert len(mails(retailer)) == 1
    [message] = retailer.context(4).store.outbox.all()
    assert (message.status, message.address_kind) == ("sent", "email")


def test_a_restored_store_of_yesterday_sends_nothing_twice(retailer):
    planned_and_not_sent(retailer)
    with contextlib.closing(sqlite3.connect(retailer.home / "store.db")) as database:
        database.execute("vacuum into ?", (str(retailer.home / "yesterday.db"),))
    retailer.run(3)
    for path in retailer.home.glob("store.db*"):
        path.unlink()
    (retailer.home / "yesterday.db").rename(retailer.home / "store.db")
    (retailer.home / "outbox" / str(on(3))).rename(retailer.home / "went out")
    retailer.run(3)
    retailer.run(4)
    assert len(mails(retailer)) == 1
    [message] = retailer.context(4).store.outbox.all()
    assert message.status == "sent"


def test_a_sender_killed_in_a_batch_whose_store_is_lost_too_sends_nothing_twice(retailer, monkeypatch):
    retailer.entries, retailer.consents = [(who, 0) for who in ("ann", "bob", "eve")], {"ann", "bob", "eve"}
    deliver = Eml.deliver

    def killed(channel, envelope):
        deliver(channel, envelope)
        raise KeyboardInterrupt

    monkeypatch.setattr(Eml, "deliver", killed)
    with pytest.raises(KeyboardInterrupt):
        retailer.run(3)
    monkeypatch.setattr(Eml, "deliver", deliver)
    for path in retailer.home.glob("store.db*"):
        path.unlink()
    assert len(mails(retailer)) == 1
    # It is unknown which messages of the batch were sent.
    assert retailer.run(4)[1].facts.sent == 0
    assert {row["status"] for row in retailer.deliveries()} == {"unknown"} and len(retailer.deliveries()) == 3


def test_a_lake_that_lost_its_rows_gets_them_from_the_store(retailer):
    planned_and_not_sent(retailer)
    retailer.run(3)
    (retailer.home / "lake/gold/deliveries").rename(retailer.home / "lost")
    retailer.run(4)
    assert [row["status"] for row in retailer.deliveries()] == ["sent"]


def test_a_copied_home_computes_and_sends_nothing_until_it_is_accepted(retailer, tmp_path):
    planned_and_not_sent(retailer)
    home_name.check_name(retailer.context(3).settings)
    shutil.copytree(retailer.home, tmp_path / "copy")
    retailer.home = tmp_path / "copy"
    _, sent = retailer.run(4)
    assert "nothing is sent: this home was noted at" in sent.notes[0] and sent.facts.planned == 1
    home_name.record_home(retailer.context(4).settings)
    assert retailer.run(4)[1].facts.sent == 1


@pytest.mark.parametrize(
    "moment", ["before decisions", "after decisions", "before journey_instances", "after journey_instances", "sending"]
)
@pytest.mark.parametrize("again", [3, 4])
def test_a_kill_at_any_moment_and_a_rerun_give_the_same(tmp_path, monkeypatch, moment, again):
    states = []
    for name in ("whole", "killed"):
        one = Retailer(tmp_path / name, monkeypatch)
        one.entries, one.consents = [("ann", 0), ("bob", 1)], {"ann", "bob"}
        one.run(0)
        if name == "killed":
            one.stop_at = moment
            if moment == "sending":
                monkeypatch.setattr(addresses, "addresses", lambda *_: None)
            with pytest.raises((KeyboardInterrupt, TypeError)):
                one.run(3)
            one.stop_at = None
            monkeypatch.setattr(addresses, "addresses", lambda context, kind, wanted, one=one: one._reach)
        else:
            one.run(3)
        one.run(again)
        tables, outbox = one.state()
        states.append((tables, {(m.key, m.status) for m in outbox}, Counter(str(m["To"]) for m in mails(one))))
    assert states[0] == states[1]


def test_stored_decisions_remain_after_a_kill(retailer):
    retailer.entries, retailer.consents, retailer.stop_at = [("ann", 0)], {"ann"}, "after decisions"
    with pytest.raises(KeyboardInterrupt):
        retailer.run(3)
    retailer.stop_at, retailer.bought = None, {"ann": [1]}
    retailer.run(5)
    assert [d.decision for d in retailer.tables["decisions"]] == ["message"]
    [walk] = retailer.tables["journey_instances"]
    assert (walk.step, walk.due_on) == (3, on(10))


def edited(journey, *before):
    return journey.model_copy(update={"steps": (*before, *journey.steps)})


def test_moving_steps_under_a_customer_is_refused(retailer):
    retailer.entries = [("ann", 0)]
    retailer.run(0)
    whole = retailer.journeys["winback"]
    retailer.journeys = {"winback": edited(whole, whole.steps[0])}
    with pytest.raises(ConfigError, match="while 1 customer is at a step"):
        retailer.run(1)
    retailer.journeys = {"winback": whole}
    retailer.run(11)
    retailer.journeys = {"winback": edited(whole, whole.steps[0])}
    retailer.run(12)


def test_send_runs_again_only_while_something_is_due(retailer):
    retailer.entries, retailer.consents = [("ann", 0)], {"ann"}
    context = retailer.context(3)
    go, _ = steps.steps(context.catalogue)
    assert delivery.pending_inputs(context) == delivery.pending_inputs(context) == {"outbox": {}}
    go.run(context, Receipt("journeys", "", "r", "d"))
    first, second = delivery.pending_inputs(context), delivery.pending_inputs(context)
    assert first["outbox"] == second["outbox"] == {"planned": 1} and first["mark"] != second["mark"]
    context.store.close()
    retailer.run(3)
    again = retailer.context(3)
    assert delivery.pending_inputs(again) == {"outbox": {"sent": 1}}
    again.close()
    retailer.mail = {"channel": "smtp"}
    again = retailer.context(3)
    [first] = again.store.outbox.all()
    again.store.outbox.plan([dataclasses.replace(first, key="x", status="planned", channel="smtp")])
    again.store.outbox.claim("x", on(3))
    assert "mark" in delivery.pending_inputs(again)
    outcome = delivery.send(again, Receipt("send", "", "r", "d"), {}, {})
    assert outcome.facts.unknown == 1
    assert "1 unknown: they may have arrived, and are never sent again automatically" in outcome.notes[0]
    again.store.close()


def test_messages_planned_for_files_are_not_sent_by_a_server(retailer):
    retailer.entries, retailer.consents = [("ann", 0)], {"ann"}
    context = retailer.context(3)
    steps.steps(context.catalogue)[0].run(context, Receipt("journeys", "", "r", "d"))
    context.store.close()
    retailer.mail = {"channel": "smtp"}
    _, sent = retailer.run(4)
    assert sent.notes == ("1 planned for the channel eml, which mail.channel no longer names",)
    assert mails(retailer) == []


def test_a_mail_server_gets_each_message_once(tmp_path, monkeypatch):
    class Inbox:
        def __init__(self):
            self.received = []

        async def handle_DATA(self, server, session, envelope):
            self.received += envelope.rcpt_tos
            return "250 OK"

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    server = Controller(Inbox(), hostname="127.0.0.1", port=port)
    server.start()
    try:
        retailer = Retailer(tmp_path, monkeypatch, channel="smtp", port=port, sender="Shop <s@shop.test>")
        retailer.entries, retailer.consents = [("ann", 0), ("bob", 0)], {"ann"}
        retailer.run(3)
        retailer.run(3)
        assert server.handler.received == ["ann@x.org"]
    finally:
        server.stop()


def test_without_journeys_there_are_no_steps():
    assert steps.steps(SimpleNamespace(journeys={})) == []


@pytest.mark.parametrize("file", [YAML, ROOT / "examples/online_retail/journeys/winback.yml"])
def test_templates_of_the_declared_journeys_can_be_filled_in(file):
    journey = Journey.load(file)
    texts = addresses.templates([journey], {"winback": program(journey)})
    [text] = texts.values()
    for values in ({"name": "", "city": ""}, {"name": "王芳", "city": "杭州"}):
        filled = text.fill(values)
        assert filled.subject and "{" not in filled.body


def test_a_template_with_an_unknown_value_is_refused(retailer):
    wrong = retailer.journeys["winback"].model_dump(mode="python", exclude_none=True)
    wrong["steps"] = [{"message": {"channel": "email", "subject": "{{ nam }}", "body": "{{ journey }} {% if %}"}}]
    journey = Journey(**wrong)
    with pytest.raises(ConfigError, match="line 1"):
        addresses.templates([journey], {"winback": program(journey)})
    wrong["steps"][0]["message"]["body"] = "{{ journey }}"
    journey = Journey(**wrong)
    with pytest.raises(ConfigError, match="did you mean 'name'"):
        addresses.templates([journey], {"winback": program(journey)})
    wrong["steps"][0]["message"]["subject"] = "{{ name }}"
    journey = Journey(**wrong)
    [text] = addresses.templates([journey], {"winback": program(journey)}).values()
    assert text.fill({"name": "Ann"}).body == "winback"


def walk(customer, since, status="active", journey="winback", record=None):
    new = new_instance(journey, customer, on(since))
    source, key = ("crm", record) if record else (None, None)
    return dataclasses.replace(new, status=status, source=source, person_key=key)


def statuses(assigned):
    return [(w.customer_id, w.status, w.outcome) for w in assigned]


def test_a_walk_follows_the_customer_of_its_record():
    stored = [walk("ann", 1, record="r1"), walk("eve", 1, record="r2"), walk("bob", 0, record="r3", status="ended")]
    merged = instances.follow_records(stored, {}, {("crm", "r1"): "bob", ("crm", "r2"): "eve", ("crm", "r3"): "bob"})
    assert statuses(merged) == [("bob", "active", None), ("eve", "active", None), ("bob", "ended", None)]
    back = instances.follow_records(merged, {}, {("crm", "r1"): "anna", ("crm", "r2"): "eve", ("crm", "r3"): "bob"})
    assert statuses(back) == [("anna", "active", None), ("eve", "active", None), ("bob", "ended", None)]


def test_a_walk_without_a_customer_ends_and_an_old_walk_gets_its_first_record():
    stored = [walk("ann", 1, record="r1"), walk("bob", 1)]
    assigned = instances.follow_records(stored, {"bob": ("crm", "r2")}, {("crm", "r2"): "eve"})
    assert statuses(assigned) == [("ann", "ended", "parted"), ("eve", "active", None)]
    assert assigned[1].record == ("crm", "r2")


def test_the_earlier_of_two_walks_of_one_person_goes_on():
    stored = [walk("ann", 3, record="r1"), walk("bob", 1, record="r2"), walk("bob", 2, "active", "welcome", "r2")]
    assigned = instances.follow_records(stored, {}, {("crm", "r1"): "bob", ("crm", "r2"): "bob"})
    assert statuses(assigned) == [("bob", "ended", "merged"), ("bob", "active", None), ("bob", "active", None)]
    assert instances.follow_records(assigned, {}, {("crm", "r1"): "bob", ("crm", "r2"): "bob"}) == assigned


def test_an_entry_before_the_first_day_does_not_count(retailer):
    retailer.journeys = {"winback": retailer.journeys["winback"].model_copy(update={"starts": on(2)})}
    retailer.entries = [("ann", 1), ("bob", 2)]
    assert retailer.run(5)[0].facts.entered == 1
    assert statuses(retailer.tables["journey_instances"]) == [("bob", "active", None)]


def test_an_entry_before_the_last_run_does_not_count(retailer):
    retailer.entries = [("ann", 1)]
    retailer.run(2)
    # An interval that moved from another id, and one from corrected data.
    retailer.entries += [("bob", 1), ("eve", 2)]
    retailer.run(2)
    retailer.entries += [("fay", 2), ("gus", 3)]
    retailer.run(3)
    assert [walk.customer_id for walk in retailer.tables["journey_instances"]] == ["ann", "bob", "eve", "gus"]


def test_a_renamed_journey_goes_on_with_its_walks_and_repeats_no_message(retailer):
    retailer.entries, retailer.consents = [("ann", 0)], {"ann", "bob"}
    retailer.run(3)
    renamed = retailer.journeys["winback"].model_copy(update={"name": "comeback"})
    retailer.journeys = {"comeback": renamed}
    retailer.entries += [("bob", 4)]
    outcome, _ = retailer.run(4)
    assert "nobody enters comeback: winback has no file any more" in outcome.notes[0]
    assert len(mails(retailer)) == 1
    retailer.journeys = {"comeback": renamed.model_copy(update={"was": ("winback",)})}
    stored = {
        name: [dataclasses.replace(r, journey="comeback") for r in rows] for name, rows in retailer.tables.items()
    }
    retailer.tables = stored
    retailer.run(7)
    retailer.run(20)
    assert Counter(message["To"] for message in mails(retailer)) == {"ann@x.org": 1, "bob@x.org": 1}
    assert {walk.status for walk in retailer.tables["journey_instances"]} == {"ended"}


def test_messages_of_two_journeys_to_one_person_are_on_two_days(retailer):
    retailer.journeys["welcome"] = retailer.journeys["winback"].model_copy(update={"name": "welcome"})
    retailer.entries, retailer.consents = [("ann", 0), ("bob", 0)], {"ann", "bob"}
    outcome, sent = retailer.run(3)
    assert (sent.facts.sent, outcome.notes) == (
        2, ("2 messages postponed: another one goes to the person within quiet_days",),
    )  # fmt: skip
    assert [retailer.run(n)[1].facts.sent for n in (3, 4, 5)] == [0, 2, 0]
