from datetime import date

import pytest
import small_day
import typer
from shop import Retailer
from typer.testing import CliRunner

from jobs.journeys import commands as outbox_commands
from jobs.journeys.message_outcomes import message_outcomes
from quanyu.commands import home as commands
from quanyu.lake.receipt import Receipt
from quanyu.store import Message

DAY = date(2024, 7, 1)
APP = typer.Typer()
outbox_commands.add(APP)
commands.add(APP)


@pytest.fixture
def shop(tmp_path):
    """A home with a journey, whose outbox has one message of each of three outcomes."""
    shop = Retailer(tmp_path)
    small_day.declared(shop)
    outbox = shop.context(small_day.FIRST).store.outbox
    outbox.plan([Message(key, "thanks", f"i-{key}", "0", f"c-{key}", "smtp", "thanks.0", DAY) for key in "abc"])
    outbox.claim("a", DAY)
    outbox.recover()
    outbox.claim("b", DAY)
    outbox.set_status("b", "rejected", "550 <b@x.org> no such user")
    yield shop
    shop.close()


def command(shop, *words):
    return CliRunner().invoke(APP, [*words, "--conf", str(shop.conf), "--home", str(shop.home)])


def words(shop, *line):
    return " ".join(command(shop, *line).stdout.split())


def listed(shop):
    return {fate.key: (fate.status, fate.reason) for fate in message_outcomes(shop.context(small_day.FIRST))}


def test_counts_and_lists_without_addresses(shop):
    counts = command(shop, "outbox").stdout
    assert all(status in counts for status in ("planned", "rejected", "unknown"))
    listing = command(shop, "outbox", "--journey", "thanks", "--status", "rejected").stdout
    assert "no such user" in listing and "@" not in listing and "unknown" not in listing
    assert "there are no messages of this kind" in command(shop, "outbox", "--day", "2024-07-02").stdout


def test_a_person_settles_what_is_unknown_and_the_reason_is_in_store_and_lake(shop):
    assert command(shop, "outbox", "send", "a", "--why", "the server has no trace of it").exit_code == 0
    assert command(shop, "outbox", "close", "c", "--why", "too late").exit_code == 0
    assert {key: status for key, (status, _) in listed(shop).items()} == {
        "a": "planned", "b": "rejected", "c": "closed"
    }  # fmt: skip
    assert listed(shop)["c"][1].endswith("close: too late")
    rows = {key: (status, note) for key, status, note in shop.rows("gold/deliveries", "key", "status", "note")}
    assert rows["a"][0] == "planned" and rows["a"][1].endswith("send: the server has no trace of it")
    assert rows["c"][0] == "closed" and rows["b"] == ("rejected", None)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("outbox", "--journey", "thank"), "did you mean 'thanks'"),
        (("outbox", "--status", "unknwn"), "did you mean 'unknown'"),
        (("outbox", "send", "z", "--why", "x"), "no message 'z'"),
        (("outbox", "send", "c", "--why", "x"), "c is planned; allowed"),
        (("outbox", "close", "b", "--why", "x"), "b is rejected; allowed"),
    ],
)
def test_mistakes_end_with_a_message(shop, words, expected):
    failed = command(shop, *words)
    assert failed.exit_code != 0 and expected in str(failed.exception)


def test_who_was_held_back_or_out_is_listed_with_the_reason(shop):
    context = shop.context(small_day.FIRST)
    decision = {"instance_id": "w", "step": 0, "journey": "thanks", "customer_id": "c-d", "decided_on": DAY,
                "decision": "held", "reason": "no consent to messages"}  # fmt: skip
    stay = {"audience": "leaving", "customer_id": "c-e", "entered_on": DAY, "left_on": None, "holdout": True}
    for name, row in (("decisions", decision), ("memberships_customer", stay)):
        receipt = Receipt(name, small_day.FIRST, "r", "d")
        context.lake.append_row(context.catalogue.tables[name], row, receipt)
    answers = {fate.customer_id: (fate.status, fate.reason) for fate in message_outcomes(context, "thanks")}
    assert answers["c-d"] == ("held back", "no consent to messages")
    assert answers["c-e"] == ("held out", "held out of the audience leaving, to measure it")
    assert len(answers) == 5


def test_a_home_says_where_it_sends_from_and_a_person_accepts_another_place(shop, tmp_path):
    assert "has had no run yet" in words(shop, "home", "show")
    command(shop, "outbox", "close", "c", "--why", "too late")
    assert "sends and exports" in words(shop, "home", "show")
    moved = shop.home.rename(tmp_path / "moved")
    shop.home = moved
    assert "home accept" in words(shop, "home", "show")
    assert command(shop, "home", "accept").exit_code == 0
    assert "sends and exports" in words(shop, "home", "show")
