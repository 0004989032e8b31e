"""Audiences on five platforms over real HTTP, while people agree, withdraw, move and change numbers.

Calls fail, platforms refuse some rows of a batch, and runs end at any commit or call.
"""

import hashlib
import random
from contextlib import ExitStack
from datetime import date, timedelta

import pytest
from consents import declared, inside, land, member, took
from moments import passing
from platforms.google_server import GoogleServer
from platforms.meta_server import MetaServer
from platforms.ocean_engine import OceanEngineServer
from platforms.server import PASSING
from platforms.tencent import TencentServer
from platforms.tiktok_server import PERMISSION, TiktokServer

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
# TikTok names no rows: it refuses a whole call. Every server has its own further faults of batches.
FAULTS = {name: (*PASSING, *server.inner) for name, server in SERVERS.items()} | {"tiktok": (*PASSING, PERMISSION)}
# Share of exports that are killed if they have so many moments: commits to lake and store, and calls, before and after.
KILLED, MOMENTS = 0.4, range(50)
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

    def __init__(self, shop, servers, moments, seed):
        self.shop, self.servers, self.moments, self.seed = shop, servers, moments, seed
        self.version, self.agreed, self.members = dict.fromkeys(PEOPLE, 0), set(), set()
        self.kills = 0
        for name, server in servers.items():
            send = ("phone", "email") if name in ("meta", "google", "tiktok") else ("phone",)
            shop.declare(f"platforms/{name}.yml", server.declaration(name, *send))
        shop.declare("audiences/winback.yml", AUDIENCE.format(accounts=", ".join(servers)))
        home_name.record_home(shop.settings)

    def live(self, day):
        """Everything that happens on a day, in the feeds, in the audience, and in the weather of the platforms."""
        self.random = random.Random(f"{self.seed} {day}")
        for name, server in self.servers.items():
            server.faults(random.Random(f"{self.seed} {day} {name}"), 0.25, FAULTS[name])
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

    def export(self, day, may_end=True):
        """Export to all accounts once, and check each; whether anything is left to do."""
        return True in [self._export_to(name, day, may_end) for name in self.servers]

    def _export_to(self, name, day, may_end):
        """Export to an account, perhaps only until the run is killed; whether anything is left to do."""
        server, outcomes = self.servers[name], []
        asked, fatal = len(server.asked_to_add), self.random.choice(MOMENTS)
        ends = may_end and self.random.random() < KILLED
        if self.moments.kills(lambda: outcomes.append(self._send(day, name)), lambda nth, _: ends and nth == fatal):
            self.kills += 1
            # The process is gone: the next export begins with nothing but what lies in lake and store.
            self.shop.close()
        # Every call that asked for it: whom it adds is wanted on this very day.
        assert all(values <= self.wanted(name) for _, _, values in server.asked_to_add[asked:])
        is_over = outcomes == [False]
        assert not is_over or self.is_exact(name), name
        return not is_over

    def _send(self, day, name):
        """Export to an account; whether the engine says that something is left to do."""
        context = self.shop.context(str(day))
        receipt = Receipt(f"export.winback.{name}", str(day), context.run_id, "d")
        destination = destinations(context.catalogue)[name]
        try:
            return exports.export(context, receipt, context.catalogue.audiences["winback"], destination).run_again
        except QuanyuError:
            return True

    def there(self, name):
        """The values really on a platform."""
        audience_id = self._audience(name)
        return set(self.servers[name].members(audience_id)) if audience_id else set()

    def is_exact(self, name):
        """Whether a platform has whom it should have, but for rows that it refused when they were last added."""
        lists = [entry.split(":")[-1] for entry in self._audience(name).split(",")]
        refused = set().union(*(self.servers[name].refused.get(one, ()) for one in lists))
        there, wanted = self.there(name), self.wanted(name)
        return there <= wanted and wanted - there <= refused

    def _audience(self, name):
        return self.shop.context(str(FIRST)).store.exports.state(f"winback.{name}").audience_id

    def wanted(self, name):
        """The values that should be on a platform, by hand."""
        allowed = (self.members & self.agreed) - HELD
        return {value for n in allowed for value in forms(name, n, self.version[n])}


def play(tmp_path, monkeypatch, days, accounts, seed):
    monkeypatch.setattr(http, "FIRST_WAIT", 0)
    monkeypatch.setenv("PLATFORM_TOKEN", MetaServer.token)
    # The days of the month are played within one, of which the platform counts the changes.
    monkeypatch.setattr(ocean_engine, "CHANGES_A_DAY", 10_000)
    shop, last = declared(tmp_path), FIRST + timedelta(days=days - 1)
    with ExitStack() as stack:
        servers = {name: stack.enter_context(_server(name)) for name in accounts}
        month = Month(shop, servers, stack.enter_context(passing(monkeypatch)), seed)
        for nth in range(days):
            month.live(FIRST + timedelta(days=nth))
            for _ in range(month.random.choice([1, 1, 2])):
                month.export(FIRST + timedelta(days=nth))
        for server in servers.values():
            server.faults(random.Random(0), 0.0)
        rounds = 0
        while month.export(last, may_end=False) and rounds < 6:
            rounds += 1
        for name, server in servers.items():
            assert month.is_exact(name), name
            never = {value for n in HELD | SILENT for version in range(40) for value in forms(name, n, version)}
            assert not any(values & never for _, _, values in server.asked_to_add)
            assert len(month.there(name)) > len(month.wanted(name)) / 2, name
        assert month.kills >= days / 4 and all(server.asked_to_add for server in servers.values())
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
