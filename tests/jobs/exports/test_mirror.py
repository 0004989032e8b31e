"""The mirror against a platform that fails at any moment, by a model of ten lines: sets of values."""

import random
import shutil
from datetime import date, datetime, timedelta

import pytest
from platforms.contract import connected, hashed
from platforms.meta_server import MetaServer
from platforms.server import PARTIAL
from platforms.tencent import TencentServer

from jobs.exports.hashing import IdFormat
from jobs.exports.http import Http
from jobs.exports.mirror.audience import mirror
from jobs.exports.mirror.audience_place import code_of
from jobs.exports.mirror.batches import batch_key, batches
from jobs.exports.mirror.restarting import restart
from jobs.exports.platform import ApiLimits, BatchReceipt, OnlinePlatform, StatusAnswer
from jobs.exports.platforms.meta import Meta
from jobs.exports.platforms.tencent import Tencent
from quanyu.errors import ConfigError, RejectedError, RetryableError
from quanyu.grammar.platforms.account import Account
from quanyu.home import home_name
from quanyu.lake import place_of
from quanyu.lake.receipt import Receipt

FIRST = date(2024, 7, 1)
EXPORT = "winback.shelf"
ADDRESSES = "customer_id string, kind string, address_hash string, identifier string, formed string, reason string"
ACCOUNT = Account(name="shelf", file="shelf.yml", describes="d", owner="o", platform="shelf", account="1")


class Killed(BaseException):
    """The process ends here."""


class Shelf(OnlinePlatform):
    """A platform in memory, which keeps sets of values, takes batches now or later, and fails as it is told."""

    name = "shelf"
    limits = ApiLimits(batch=3, lifetime=timedelta(days=60))
    forms = {"phone": IdFormat("as_given", "none"), "email": IdFormat("as_given", "none")}

    def __init__(self, seed=None):
        super().__init__(ACCOUNT, Http("shelf", "https://127.0.0.1:1"))
        self.random, self.opened = random.Random(seed), []
        self.calm = seed is None
        self.values, self.queue, self.calls = set(), {}, []

    def open_audience(self, code, description):
        self.opened.append(code)
        return "a1"

    def add(self, audience_id, batch):
        return self._take("add", batch)

    def remove(self, audience_id, batch):
        return self._take("remove", batch)

    def _take(self, operation, batch):
        fault = (
            None if self.calm else self.random.choice([None, None, None, "lost", "late", "refused", "killed", "slow"])
        )
        values = {(batch.identifier, value) for value in batch.values.to_pylist()}
        self.calls.append((operation, batch.identifier, tuple(batch.values.to_pylist())))
        if fault == "lost":
            raise RetryableError("no answer")
        if fault == "refused":
            raise RejectedError("not today")
        if fault == "slow":
            handle = f"h{len(self.calls)}"
            self.queue[handle] = (operation, values)
            return BatchReceipt(handle, "pending")
        self._apply(operation, values)
        if fault == "late":
            raise RetryableError("no answer after success")
        if fault == "killed":
            raise Killed
        return BatchReceipt("h")

    def _apply(self, operation, values):
        self.values = self.values | values if operation == "add" else self.values - values

    def poll(self, audience_id, handle):
        if not self.calm and self.random.random() < 0.4:
            return BatchReceipt(handle, "pending")
        if handle in self.queue:
            self._apply(*self.queue.pop(handle))
        return BatchReceipt(handle)

    def reads_all(self):
        """Take what is queued, whoever sent it."""
        for handle in list(self.queue):
            self._apply(*self.queue.pop(handle))

    def status(self, audience_id):
        return StatusAnswer(state="usable", matched=len(self.values))


class Rack(Shelf):
    """The same, but for its way to take a whole set."""

    def replace(self, audience_id, batches):
        values = [(batch.identifier, value) for batch in batches for value in batch.values.to_pylist()]
        fault = None if self.calm else self.random.choice([None, "lost", "late", "killed"])
        self.calls.append(("replace", "", tuple(value for _, value in values)))
        if fault == "lost":
            raise RetryableError("no answer")
        self.values = set(values)
        if fault == "late":
            raise RetryableError("no answer after success")
        if fault == "killed":
            raise Killed
        return BatchReceipt("h")


@pytest.fixture
def day(retailer):
    """Mirror values on a day, counted from the first: `{(identifier, value)}`, or only withdraw with `waits`."""
    home_name.record_home(retailer.settings)

    def run(nth, platform, wanted, waits=()):
        on = FIRST + timedelta(days=nth)
        context = run.shop.context(str(on))
        rows = [(f"c-{v}", k.partition(":")[0], f"#{k}{v}", k, v, None) for k, v in sorted(wanted)]
        addresses = context.lake.spark.createDataFrame(rows, ADDRESSES)
        receipt = Receipt("export.winback.shelf", str(on), f"r-{nth}", "d")
        return mirror(context, receipt, platform, EXPORT, addresses, waits, "who came back")

    run.shop = retailer
    run.context = lambda nth=0: run.shop.context(str(FIRST + timedelta(days=nth)))
    return run


def know(day, values, refusing=()):
    """Record identifiers, those of one person each, half of which were replaced since; all but some agreed once."""
    (day.shop.home / "person.key").write_text("a" * 64)
    context = day.context()
    rows = [
        ("crm", f"p-{value}", kind, "", value, FIRST, FIRST, FIRST if nth % 2 else None)
        for nth, (kind, value) in enumerate(sorted(values))
    ]
    grants = [
        {"source": "crm", "person_key": f"p-{value}", "purpose": "ads", "channel": "any", "state": "granted",
         "changed_at": datetime(2024, 1, 1), "feed_day": FIRST, "recorded_on": FIRST}
        for _, value in sorted({*values} - {*refusing})
    ]  # fmt: skip
    names = ("source", "person_key", "kind", "scope", "value", "feed_day", "recorded_on", "replaced_on")
    append(context, "identifiers", [dict(zip(names, row, strict=True)) for row in rows])
    append(context, "consents", grants)


def belonged(day, *assignments):
    """Record whose the values were: a value, its customer, and between which days; until today without a last."""
    rows = [
        {"source": "crm", "person_key": f"p-{value}", "customer_id": customer, "valid_from": _on(first),
         "valid_to": None if last is None else _on(last)}
        for value, customer, first, last in assignments
    ]  # fmt: skip
    append(day.context(), "identities", rows)


def _on(nth):
    return FIRST + timedelta(days=nth)


def append(context, name, rows):
    table = context.catalogue.tables[name]
    types = {column: each.type for column, each in table.schema().items()}
    values = [tuple(row.get(column) for column in types) for row in rows]
    columns = ", ".join(f"{column} {kind}" for column, kind in types.items())
    context.lake.prepare(table)
    receipt = Receipt(f"ingest.{name}", str(FIRST), f"r-{name}", "d")
    context.lake.append(place_of(table), context.lake.spark.createDataFrame(values, columns), receipt, {})


def restored(day, tmp_path):
    """A copy of the home as it is now, to go on with later."""
    copy = day.shop.copy(tmp_path / "restored")
    shutil.copy(day.shop.home / "home.json", copy.home)
    return copy


def accepted(day, copy, until):
    day.shop = copy
    day.context().store.exports.mark_in_doubt([EXPORT], FIRST + timedelta(days=until))


def phones(*names):
    return {("phone", name) for name in names}


def test_what_changed_is_sent_and_nothing_else(day):
    shelf = Shelf()
    day(0, shelf, phones("a", "b", "c", "d") | {("email", "m")})
    assert shelf.values == phones("a", "b", "c", "d") | {("email", "m")}
    assert [len(values) for _, _, values in shelf.calls] == [1, 3, 1]
    shelf.calls.clear()
    mirrored = day(1, shelf, phones("b", "c", "d", "e"))
    assert shelf.calls == [
        ("remove", "email", ("m",)), ("remove", "phone", ("a",)), ("add", "phone", ("e",)),
    ]  # fmt: skip
    assert (mirrored.added, mirrored.removed, mirrored.there, mirrored.waiting) == (1, 2, 4, 0)
    shelf.calls.clear()
    day(1, shelf, phones("b", "c", "d", "e"))
    assert shelf.calls == [] and len(shelf.opened) == 1


def test_while_it_waits_withdrawals_go_out_and_nobody_is_added(day):
    shelf = Shelf()
    day(0, shelf, phones("a", "b"))
    day(1, shelf, phones("b", "c"), waits=["consents are late"])
    assert shelf.values == phones("b")
    day(2, shelf, phones("b", "c"))
    assert shelf.values == phones("b", "c")


def test_nothing_is_opened_for_an_audience_of_nobody(day):
    shelf = Shelf()
    assert day(0, shelf, set()).status is None and shelf.opened == []


def test_what_was_sent_before_a_kill_is_withdrawn_after_it(day):
    shelf = Shelf()

    def dies(audience_id, batch):
        Shelf.add(shelf, audience_id, batch)
        raise Killed

    shelf.add = dies
    with pytest.raises(Killed):
        day(0, shelf, phones("a", "b"))
    assert shelf.values == phones("a", "b")
    del shelf.add
    # Both withdrew their consent on the day after.
    day(1, shelf, set())
    assert shelf.values == set()


def test_values_that_the_platform_names_as_wrong_are_not_sent_again(day):
    shelf = Shelf()
    shelf.add = lambda audience_id, batch: BatchReceipt("h", rejected=(1,))
    mirrored = day(0, shelf, phones("a", "b", "c"))
    del shelf.add
    assert (mirrored.there, mirrored.waiting, mirrored.invalid) == (2, 0, 1)
    day(1, shelf, phones("a", "b", "c"))
    assert shelf.calls == []


class Picky(Shelf):
    """The same, but for values of capital letters, which it calls invalid, and names as many of them as it is told."""

    wrong_values, passing_reasons = frozenset({"WRONG"}), frozenset({"BUSY"})
    limits = ApiLimits(batch=30)

    def __init__(self, names=0, reason="", later=False):
        super().__init__()
        self.names, self.reason, self.later, self.receipts = names, reason, later, {}

    def _take(self, operation, batch):
        listed = batch.values.to_pylist()
        wrong = [place for place, value in enumerate(listed) if value.isupper()]
        self.calls.append((operation, batch.identifier, tuple(listed)))
        self._apply(operation, phones(*(value for value in listed if not value.isupper())))
        named = tuple(wrong[: self.names])
        reasons = dict.fromkeys(named, self.reason) if self.reason else {}
        receipt = BatchReceipt(batch.key, rejected=named, invalid=len(wrong) - len(named), reasons=reasons)
        self.receipts[batch.key] = receipt
        return BatchReceipt(batch.key, "pending") if self.later else receipt

    def poll(self, audience_id, handle):
        return self.receipts[handle]


def states(day):
    return {row["value"]: row["state"] for row in day.shop.table("gold/export_sets").to_pylist()}


def test_a_value_that_was_refused_is_forgotten_with_its_customer_and_never_withdrawn(day):
    shelf = Picky(names=1)
    day(0, shelf, phones("a", "B"))
    assert states(day) == {"a": "there", "B": "refused"}
    shelf.calls.clear()
    mirrored = day(1, shelf, set())
    assert shelf.calls == [("remove", "phone", ("a",))] and states(day) == {} and not mirrored.is_open


@pytest.mark.parametrize(("names", "later"), [(0, True), (1, False), (9, False)])
def test_a_withdrawal_that_is_always_refused_ends_and_all_others_leave(day, names, later):
    shelf, people = Picky(later=later), phones(*"abcdefghijklmnopqr", "S", "T")
    day(0, shelf, people)
    day(1, shelf, people)
    # As many as were added: nobody knows yet which of them are invalid.
    assert set(states(day).values()) == {"there"} and len(states(day)) == 20
    shelf.names = names
    shelf.calls.clear()
    for nth in range(2, 8):
        mirrored = day(nth, shelf, phones("u"))
    assert shelf.values == phones("u") and states(day) == {"u": "there"} and not mirrored.is_open
    sizes = [len(values) for operation, _, values in shelf.calls if operation == "remove"]
    assert sizes[0] == 20 and all(size <= 2 for size in sizes[1:]) and len(sizes) <= 31


@pytest.mark.parametrize(("platform", "kind"), [(Meta, MetaServer), (Tencent, TencentServer)])
def test_who_was_refused_without_a_name_stays_known_and_leaves_by_the_next_run(day, monkeypatch, platform, kind):
    with kind() as server:
        online, people = connected(platform, server, monkeypatch), hashed(*range(8))
        wanted = {("phone", value) for value in people}
        day(0, online, wanted)
        day(0, online, wanted)
        audience = day.context().store.exports.state(EXPORT).audience_id
        assert server.members(audience) == set(people)
        # It refuses two, and names one of them at most.
        server.fail_next(PARTIAL)
        assert day(1, online, set()).is_open
        assert len(server.members(audience)) == 2 and states(day) == dict.fromkeys(people, "removing")
        for _ in range(4):
            mirrored = day(2, online, set())
        assert server.members(audience) == set() and states(day) == {} and not mirrored.is_open


def test_of_a_withdrawal_that_stays_refused_somebody_is_told_and_the_value_is_not_sent_again(day):
    shelf = Picky()
    day(0, shelf, phones("a", "B"))
    for nth in range(1, 3):
        mirrored = day(nth, shelf, set())
    assert states(day) == {"B": "refused"} and mirrored.refused == 1
    shelf.calls.clear()
    # Its customer comes back.
    day(2, shelf, phones("B"))
    assert shelf.calls == [] and states(day) == {"B": "refused"}
    mirrored = day(3, shelf, set())
    assert shelf.calls == [] and states(day) == {} and mirrored.refused == 0


@pytest.mark.parametrize(("reason", "left"), [("WRONG", {}), ("BUSY", {"B": "removing"})])
def test_the_reason_says_whether_a_refused_withdrawal_is_tried_again(day, reason, left):
    shelf = Picky()
    day(0, shelf, phones("a", "B"))
    shelf.names, shelf.reason = 9, reason
    shelf.calls.clear()
    for nth in range(1, 5):
        day(nth, shelf, set())
    assert states(day) == left
    assert shelf.calls == [("remove", "phone", ("B", "a")), *[("remove", "phone", ("B",))] * 3 * len(left)]


def test_an_addition_that_is_refused_for_a_reason_that_passes_is_sent_again(day):
    shelf = Picky(names=9, reason="BUSY")
    day(0, shelf, phones("a", "B"))
    assert states(day) == {"a": "there", "B": "adding"}
    shelf._take = lambda operation, batch: Shelf._take(shelf, operation, batch)
    day(1, shelf, phones("a", "B"))
    assert shelf.values == phones("a", "B") and states(day) == {"a": "there", "B": "there"}


def test_an_audience_is_renewed_before_the_platform_ends_it(day):
    shelf = Shelf()
    day(0, shelf, phones("a"))
    shelf.calls.clear()
    day(29, shelf, phones("a"))
    assert shelf.calls == []
    day(30, shelf, phones("a"))
    assert shelf.calls == [("add", "phone", ("a",))]


def test_a_value_is_added_again_only_after_its_withdrawal_has_ended(day):
    shelf = Shelf()
    day(0, shelf, phones("a"))
    shelf.remove = lambda audience_id, batch: BatchReceipt("slow", "pending")
    shelf.poll = lambda audience_id, handle: BatchReceipt(handle, "pending")
    day(1, shelf, set())
    shelf.calls.clear()
    day(2, shelf, phones("a"))
    assert shelf.calls == []
    shelf.poll = lambda audience_id, handle: BatchReceipt(handle)
    day(3, shelf, phones("a"))
    day(4, shelf, phones("a"))
    assert shelf.calls == [("add", "phone", ("a",))]


def test_what_a_platform_loses_with_a_withdrawal_is_added_again(day):
    shelf = Shelf()
    day(0, shelf, phones("a", "b", "c") | {("email", "m")})

    def empties(audience_id, batch):
        shelf.values = {value for value in shelf.values if value[0] != batch.identifier}
        return BatchReceipt("h", emptied=True)

    shelf.remove = empties
    mirrored = day(1, shelf, phones("a", "b") | {("email", "m")})
    assert shelf.values == phones("a", "b") | {("email", "m")}
    assert (mirrored.added, mirrored.removed, mirrored.there) == (2, 1, 3)


def test_what_a_lost_batch_carries_is_added_only_by_a_run_after_one_that_ended(day):
    shelf = Shelf()

    def fails(error):
        def call(audience_id, batch):
            raise error

        return call

    shelf.add = fails(RetryableError("no answer"))
    day(0, shelf, phones("a"))
    shelf.add = fails(Killed())
    with pytest.raises(Killed):
        day(1, shelf, phones("a", "b"))
    del shelf.add
    # The run before did not end either, so that what was lost may still arrive.
    day(2, shelf, phones("a", "b"))
    assert shelf.calls == []
    day(3, shelf, phones("a", "b"))
    assert shelf.calls == [("add", "phone", ("a", "b"))]


def test_a_run_reads_its_set_once_and_computes_each_key_once(day, monkeypatch):
    from jobs.exports.mirror import batches as mirror_batches
    from quanyu.lake import Lake

    shelf, reads, keys, rows_of = Shelf(), [], [], Lake.rows
    day(0, shelf, phones("a", "b", "c", "d"))
    monkeypatch.setattr(Lake, "rows", lambda lake, place, *more: reads.append(place) or rows_of(lake, place, *more))
    monkeypatch.setattr(mirror_batches, "batch_key", lambda *parts: keys.append(parts) or batch_key(*parts))
    day(1, shelf, phones("c", "d", "e", "f", "g", "h"))
    assert shelf.values == phones("c", "d", "e", "f", "g", "h")
    assert reads == ["gold/export_sets"] and len(keys) == 3


@pytest.mark.parametrize("begun", [True, False])
def test_after_a_restored_backup_what_was_sent_since_is_withdrawn_before_anybody_is_added(day, tmp_path, begun):
    shelf, polled = Shelf(), []
    # Nothing of z was ever sent, and nothing is sent to withdraw it.
    know(day, phones("a", "b", "c", "x", "y", "z") | {("email", "m")}, refusing=phones("z"))
    if begun:
        day(0, shelf, phones("a", "b"))
    copy = restored(day, tmp_path)
    day(1, shelf, phones("b", "c", "x", "y") | {("email", "m")})
    accepted(day, copy, 2)
    # The days since the backup are run again: of a later one somebody may be there who is not known yet.
    shelf.calls.clear()
    mirrored = day(1, shelf, phones("b", "c", "x", "y"))
    assert not [call for call in shelf.calls if call[0] == "add"]
    assert next(mirrored.notes()).startswith("restored from a backup: nobody is added before 2024-07-03")
    shelf.remove = lambda audience_id, batch: polled.append(batch) or BatchReceipt(str(len(polled) - 1), "pending")
    shelf.poll = lambda audience_id, handle: Shelf.remove(shelf, audience_id, polled[int(handle)])
    shelf.calls.clear()
    mirrored = day(2, shelf, phones("b", "c"))
    assert shelf.calls == [] and "is withdrawn before anybody is added" in next(mirrored.notes())
    mirrored = day(2, shelf, phones("b", "c"))
    assert shelf.values == phones("b", "c") and mirrored.there == 2
    assert [call[0] for call in shelf.calls] == ["remove", "remove", "add"]
    assert not any("z" in call[2] for call in shelf.calls) and not any("z" in str(each.values) for each in polled)
    told = "restored from a backup: everything that may have been sent since is withdrawn"
    assert told in list(mirrored.notes())
    shelf.calls.clear()
    day(3, shelf, phones("b", "c"))
    assert shelf.calls == []


def test_after_a_restored_backup_a_value_leaves_that_was_sent_by_the_consent_of_another_customer(day, tmp_path):
    shelf = Shelf()
    # Only a agreed. The record of w was one customer with it for a day, that of z is one with w's since then.
    know(day, phones("a", "w", "z"), refusing=phones("w", "z"))
    belonged(day, ("a", "c-1", 0, None), ("w", "c-1", 1, 2), ("w", "c-2", 2, None), ("z", "c-2", 2, None))
    copy = restored(day, tmp_path)
    day(1, shelf, phones("a", "w"))
    accepted(day, copy, 2)
    shelf.calls.clear()
    day(2, shelf, phones("a"))
    assert shelf.values == phones("a")
    assert not any("z" in call[2] for call in shelf.calls)


def test_after_a_restored_backup_a_platform_that_can_gets_the_whole_set_anew(day, tmp_path):
    rack = Rack()
    know(day, phones("a", "b", "c"))
    day(0, rack, phones("a", "b"))
    copy = restored(day, tmp_path)
    day(1, rack, phones("b", "c", "erased"))
    accepted(day, copy, 1)
    rack.calls.clear()
    rack.replace = lambda audience_id, whole: BatchReceipt("h", "failed", words="not now")
    mirrored = day(2, rack, phones("a", "d"))
    assert mirrored.waiting == 2 and not [call for call in rack.calls if call[0] == "add"]
    del rack.replace
    mirrored = day(2, rack, phones("a", "d"))
    assert rack.values == phones("a", "d") and (mirrored.added, mirrored.there, mirrored.waiting) == (2, 2, 0)
    assert list(mirrored.notes()) == ["restored from a backup: the whole set on the platform was replaced"]
    assert rack.calls[-1] == ("replace", "", ("a", "d"))
    # While additions wait, what is known is withdrawn instead.
    day.context().store.exports.mark_in_doubt([], FIRST)
    day(3, rack, phones("a"), waits=["in doubt"])
    assert rack.values == phones("a") and rack.calls[-1][0] == "remove"
    day(4, rack, phones("a"))
    assert rack.values == phones("a") and rack.calls[-1] == ("add", "phone", ("a",))


def test_an_audience_that_is_gone_is_said_to_be_gone(day):
    shelf = Shelf()
    day(0, shelf, phones("a"))
    shelf.status = lambda audience_id: StatusAnswer(state="parsing", gone=True)
    mirrored = day(1, shelf, phones("a"))
    assert list(mirrored.notes()) == [
        "the platform says: the audience is gone from the platform: quanyu export restart winback.shelf"
    ]
    # On the account that is declared now, nothing is known of the values on the one before.
    shelf.account = ACCOUNT.model_copy(update={"account": "2"})
    with pytest.raises(ConfigError, match="on the account that was declared before"):
        restart(day.context(), shelf, EXPORT)
    shelf.account = ACCOUNT
    assert restart(day.context(), shelf, EXPORT) == 1
    del shelf.status
    shelf.values, shelf.calls = set(), []
    with pytest.raises(ConfigError, match="has no audience on shelf"):
        restart(day.context(), shelf, EXPORT)
    day(1, shelf, phones("a"))
    assert shelf.values == phones("a") and len(shelf.opened) == 2


def play(day, seed, days, tmp_path, kind=Shelf):
    shelf, draws = kind(seed), random.Random(seed + 1000)
    everything = sorted(phones(*"abcdefg") | {("email", name) for name in "mno"})
    know(day, everything)
    wanted, copy = set(), None
    for nth in range(days):
        if nth == days // 3:
            copy = restored(day, tmp_path)
        if nth == days // 2:
            accepted(day, copy, nth)
            shelf.reads_all()
        wanted = {value for value in everything if draws.random() < 0.6}
        waits = ["in doubt"] if draws.random() < 0.2 else []
        try:
            day(nth, shelf, wanted, waits)
        except Killed:
            continue
    shelf.calm = True
    for nth in range(days, days + 4):
        mirrored = day(nth, shelf, wanted)
    assert shelf.values == wanted and shelf.queue == {}
    assert (mirrored.there, mirrored.waiting) == (len(wanted), 0)


@pytest.mark.parametrize("kind", [Shelf, Rack])
def test_after_all_failures_the_platform_has_exactly_who_should_be_there(day, tmp_path, kind):
    play(day, 1, 10, tmp_path, kind)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2, 14))
def test_after_many_failures_the_platform_has_exactly_who_should_be_there(day, tmp_path, seed):
    play(day, seed, 30, tmp_path, Rack if seed % 2 else Shelf)


def test_members_of_a_seed_go_with_their_weight(day):
    import pyarrow as pa

    rows = pa.table({"identifier": ["phone"] * 3, "value": ["a", "b", "c"], "customer_id": ["c-1", "c-2", "c-3"]})
    weights = pa.table({"customer_id": ["c-3", "c-1"], "weight": [-2, 7]})
    [(batch, _)] = batches(EXPORT, "add", rows, 9, weights)
    assert batch.weights.to_pylist() == [7.0, 0.0, 0.0]


def test_a_batch_has_a_key_of_its_own(day):
    import pyarrow as pa

    keys = {
        batch_key(export, operation, identifier, pa.array(values))
        for export in ("winback.a", "winback.b")
        for operation in ("add", "remove")
        for identifier in ("phone", "email")
        for values in (["a", "b"], ["ab"], ["a"])
    }
    assert len(keys) == 24
    assert code_of(day.context(), EXPORT) == code_of(day.context(5), EXPORT)


def test_a_refusal_that_does_not_say_so_is_no_end_of_an_audience(day):
    shelf = Shelf()
    day(0, shelf, phones("a"))
    for error in (RejectedError("no permission"), RetryableError("no answer")):
        shelf.status = lambda audience_id, error=error: (_ for _ in ()).throw(error)
        with pytest.raises(type(error)):
            restart(day.context(), shelf, EXPORT)
    assert len(shelf.opened) == 1


def test_a_further_list_that_is_refused_holds_no_withdrawal_back(day):
    shelf = Shelf()
    day(0, shelf, phones("a", "b"))
    shelf.account = ACCOUNT.model_copy(update={"describes": "changed"})
    shelf.open_audience = lambda code, description: (_ for _ in ()).throw(RejectedError("no such app"))
    mirrored = day(1, shelf, phones("b", "c"))
    assert shelf.values == phones("b") and str(mirrored.error).startswith("no such app")
    del shelf.open_audience
    day(2, shelf, phones("b", "c"))
    assert shelf.values == phones("b", "c")


def test_an_approval_that_comes_during_a_run_stays(day):
    shelf = Shelf()
    exports = day.context().store.exports
    shelf.add = lambda audience_id, batch: exports.approve(EXPORT, "digest", 2) or Shelf.add(shelf, audience_id, batch)
    day(0, shelf, phones("a"))
    state = exports.state(EXPORT)
    assert (state.approved, state.approved_members, state.audience_id) == ("digest", 2, "a1")
