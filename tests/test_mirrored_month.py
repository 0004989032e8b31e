"""Audiences on five platforms over real HTTP, while people agree, withdraw, move and change numbers, and calls fail."""

import hashlib
import random
from contextlib import ExitStack
from datetime import date, timedelta

import pytest
from consents import declared, inside, land, member, took
from platforms.google_server import GoogleServer
from platforms.meta_server import MetaServer
from platforms.ocean_engine import OceanEngineServer
from platforms.server import BROKEN, LOST, RATE
from platforms.tencent import TencentServer
from platforms.tiktok_server import TiktokServer

from jobs.exports import http
from jobs.exports import steps as exports
from jobs.exports.destinations import destinations
from jobs.exports.platforms import ocean_engine
from quanyu.errors import QuanyuError
from quanyu.home import home_name
from quanyu.lake.receipt import Receipt
from quanyu.run import audience_days

FIRST = date(2024, 7, 2)
SERVERS = {
    "meta": MetaServer, "google": GoogleServer, "tiktok": TiktokServer, "tencent": TencentServer,
    "ocean_engine": OceanEngineServer,
}  # fmt: skip
AT_ONCE = {"meta", "tiktok"}
PEOPLE = range(1, 31)
# They are in the holdout of the audience, or have never agreed.
HELD, SILENT = {3, 8, 21}, {5, 13, 29}
AUDIENCE = """
describes: Who came back.
owner: growth
goal: activate
who: value.spend >= 0
purpose: ads
send_to: [{accounts}]
"""
ACCOUNT = """
describes: An account.
owner: growth
platform: {platform}
account: "{account}"
token: env:PLATFORM_TOKEN
url: {url}
least: 0
send: [{send}]
"""


def phone(number, version=0):
    return f"1391234{number:02}{version:02}"


def forms(platform, number, version):
    """What a platform holds of a person, made by hand from its documents."""
    digits, mail = phone(number, version), f"m{number}@shop.cn"
    texts = {
        "meta": [f"86{digits}", mail], "google": [f"+86{digits}", mail], "tiktok": [f"+86{digits}", mail],
        "tencent": [digits], "ocean_engine": [digits],
    }  # fmt: skip
    return {hashlib.sha256(text.encode()).hexdigest() for text in texts[platform]}


class Month:
    """A retailer with five accounts, its people, and what is known of them by hand."""

    def __init__(self, shop, servers, seed):
        self.shop, self.servers, self.random = shop, servers, random.Random(seed)
        self.version, self.agreed, self.members = dict.fromkeys(PEOPLE, 0), set(), set()
        for name, server in servers.items():
            send = "phone, email" if name in ("meta", "google", "tiktok") else "phone"
            text = ACCOUNT.format(platform=name, account=server.account, url=server.url, send=send)
            shop.declare(f"platforms/{name}.yml", text)
        shop.declare("audiences/winback.yml", AUDIENCE.format(accounts=", ".join(servers)))
        home_name.record_home(shop.settings)

    def live(self, day):
        """Everything that happens on a day, in the feeds and in the audience."""
        moved = self.random.sample(PEOPLE, 3) if day > FIRST else []
        self.version |= {number: self.version[number] + 1 for number in moved}
        people = PEOPLE if day == FIRST else moved
        land(self.shop, "crm", str(day), *(member(n, phone(n, self.version[n])) for n in people))
        changed = set(self.random.sample(PEOPLE, 20 if day == FIRST else 4)) - SILENT
        states = {number: "withdrawn" if number in self.agreed else "granted" for number in sorted(changed)}
        land(self.shop, "answers", str(day), *(f"M{n},ads,any,{day},{state}" for n, state in states.items()))
        # Who has withdrawn on a day may agree again on a later one.
        self.agreed ^= changed
        self.members = set(self.random.sample(PEOPLE, 20)) | HELD | SILENT
        context = took(self.shop, str(day))
        inside(context, "winback", [f"M{n}" for n in self.members], [f"M{n}" for n in HELD])
        audience_days.record_evaluation(context, "winback", day)

    def export(self, day):
        """Export to all accounts once; whether anything is left to do, by the outcomes."""
        context, waiting = self.shop.context(str(day)), False
        audience = context.catalogue.audiences["winback"]
        for name, destination in destinations(context.catalogue).items():
            if name in self.servers:
                receipt = Receipt(f"export.winback.{name}", str(day), f"{day}-{self.random.random()}", "d")
                before = self.there(name)
                try:
                    waiting |= exports.export(context, receipt, audience, destination).run_again
                except QuanyuError:
                    waiting = True
                # Who is new there is wanted today; other platforms read what they were sent before, later.
                assert name not in AT_ONCE or self.there(name) - before <= self.wanted(name)
        for name in self.servers:
            never = {value for n in HELD | SILENT for v in range(40) for value in forms(name, n, v)}
            assert not self.there(name) & never
        return waiting

    def there(self, name):
        state = self.shop.context(str(FIRST)).store.exports.state(f"winback.{name}")
        return set(self.servers[name].members(state.audience_id)) if state.audience_id else set()

    def wanted(self, name):
        allowed = (self.members & self.agreed) - HELD
        return {value for n in allowed for value in forms(name, n, self.version[n])}


def play(tmp_path, monkeypatch, days, accounts, seed):
    monkeypatch.setattr(http, "FIRST_WAIT", 0)
    monkeypatch.setenv("PLATFORM_TOKEN", MetaServer.token)
    # The days of the month are played within one, of which the platform counts the changes.
    monkeypatch.setattr(ocean_engine, "CHANGES_A_DAY", 10_000)
    shop = declared(tmp_path)
    with ExitStack() as stack:
        servers = {name: stack.enter_context(_server(name)) for name in accounts}
        month = Month(shop, servers, seed)
        for nth, server in enumerate(servers.values()):
            server.faults(random.Random(seed * 100 + nth), 0.25, (RATE, BROKEN, LOST))
        for nth in range(days):
            month.live(FIRST + timedelta(days=nth))
            for _ in range(month.random.choice([1, 1, 2])):
                month.export(FIRST + timedelta(days=nth))
        for server in servers.values():
            server.faults(random.Random(0), 0.0)
        rounds = 0
        while month.export(FIRST + timedelta(days=days - 1)) and rounds < 6:
            rounds += 1
        for name in accounts:
            assert month.there(name) == month.wanted(name), name
        assert any(month.wanted(name) for name in accounts)
    shop.close()


def _server(name):
    return SERVERS[name](least=0) if name in ("meta", "tiktok") else SERVERS[name]()


@pytest.mark.long
def test_a_few_days_end_with_exactly_who_should_be_there(tmp_path, monkeypatch):
    play(tmp_path, monkeypatch, 2, ["meta", "tencent"], 1)


@pytest.mark.long
@pytest.mark.parametrize("seed", [2, 3])
def test_a_month_ends_with_exactly_who_should_be_there(tmp_path, monkeypatch, seed):
    play(tmp_path, monkeypatch, 30, list(SERVERS), seed)
