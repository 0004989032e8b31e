"""Thirty days of the sample retailer with three of the shipped audiences on three platforms that fail in every way.

Each day the feeds are ingested, identities resolved, features, profile and audiences computed, and the audiences sent
over real HTTP. Calls are lost, limited and refused, rows of batches are refused, and runs end at any commit or call.
"""

import csv
import hashlib
import random
import shutil
from contextlib import ExitStack, suppress
from datetime import date, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from allowed import allowed
from moments import passing
from platforms.google_server import GoogleServer
from platforms.meta_server import MetaServer
from platforms.server import PASSING
from platforms.tencent import TencentServer
from shop import BASE, ROOT, Retailer, copy_registry

from jobs.exports import http
from quanyu.errors import ContractError, QuanyuError, RetryableError
from quanyu.home import home_name
from quanyu.run.runner import perform

pytestmark = pytest.mark.long
CUSTOMERS, HISTORY, DAYS, SEED = 900, 201, 30, 5
FIRST = date(2024, 7, 20)
FEEDS = ["crm", "pos", "consents", "stop_list", "erp_products"]
SENT_TO = {"loyal_seed": ("meta", "google"), "winback": ("tencent",), "cross_series": ("meta",)}
SHARE, SALT = 0.05, "month"
SETTINGS = f"holdout: {{share: {SHARE}, salt: {SALT}}}\n"
# Identifiers that each platform gets, and the text of each that it takes hashed, from E.164 and an address.
TEXTS = {
    "meta": {"phone": lambda phone: phone[1:], "email": str},
    "google": {"phone": str, "email": str},
    "tencent": {"phone": lambda phone: phone[3:]},
}  # fmt: skip
# Share of calls that fail, and of exports that are killed if they have so many moments.
FAULTS, KILLED, MOMENTS = 0.25, 0.3, range(50)
CONSENTS = ("consent_id", "subject_kind", "subject", "purpose", "channel", "state", "changed_at", "evidence", "policy")


def declare(shop, servers):
    """The shipped declarations with three audiences, for ads, and an account on each server."""
    shop.adopt(ROOT / "conf")
    (shop.conf / "base.yml").write_text(BASE + SETTINGS)
    for path in (*(shop.conf / "sources").iterdir(), *(shop.conf / "audiences").iterdir()):
        if path.stem not in (*FEEDS, *SENT_TO):
            path.unlink()
    for name, accounts in SENT_TO.items():
        file = shop.conf / "audiences" / f"{name}.yml"
        lines = [line for line in file.read_text().splitlines() if not line.startswith(("purpose:", "send_to:"))]
        file.write_text("\n".join([*lines, "purpose: ads", f"send_to: [{', '.join(accounts)}]", ""]))
    products = shop.conf / "sources" / "erp_products.yml"
    products.write_text(products.read_text().replace("freshness: {hours: 48}", "freshness: none"))
    for name, server in servers.items():
        shop.declare(f"platforms/{name}.yml", server.declaration(name, *TEXTS[name]))
    copy_registry(shop.home)
    (shop.home / "person.key").write_text("a" * 64)
    home_name.record_home(shop.settings)


def needed(context, whole):
    """Names of the steps that exports need, in their order: those that write what others of them read.

    Without the whole, features that no rule uses stay those of an earlier day, and so does the profile: audiences are
    evaluated from the features of the day that their rules use.
    """
    names, wanted = [], {"gold/memberships_customer"}
    for name, step in reversed(context.steps.items()):
        if step.stage not in ("exports", "train") and wanted.intersection(step.writes):
            names.append(name)
            wanted.update(step.reads if whole or name != "profile.customer" else ())
    return names[::-1]


class SampleMonth:
    """The retailer, its accounts, and the addresses that may be sent, computed from the tables by other code."""

    def __init__(self, shop, servers, moments):
        self.shop, self.servers, self.moments = shop, servers, moments
        self.kills, self.ended, self.members, self.listed, self.wanted = 0, 0, {}, [], {}

    def generate(self):
        """Write all days of the sample; later days are not read before they come."""
        from sample.generate import generate

        landing = self.shop.home / "landing"
        generate(landing, CUSTOMERS, FIRST - timedelta(days=HISTORY), HISTORY + DAYS, SEED, feeds=FEEDS)
        # Master data of the first days of months are enough here.
        for path in (landing / "erp_products").iterdir():
            if not path.name.endswith("-01"):
                shutil.rmtree(path)
        rows = pa.concat_tables([pq.read_table(file) for file in sorted((landing / "crm").glob("*/*.parquet"))])
        first = rows.filter(pa.compute.less(rows["joined_on"].cast("string"), str(FIRST)))
        self.members = {row["member_no"]: row for row in first.to_pylist() if not row["merged_into"]}

    def live(self, day):
        """What happens besides: members agree to ads and withdraw, are put on the list of stops, and change numbers."""
        self.random = random.Random(f"{SEED} {day}")
        for name, server in self.servers.items():
            server.faults(random.Random(f"{SEED} {day} {name}"), FAULTS, (*PASSING, *server.inner))
        names = sorted(self.members)
        if day == FIRST:
            answers = dict.fromkeys(self.random.sample(names, len(names) * 9 // 10), "Y")
        else:
            answers = {name: self.random.choice("YN") for name in self.random.sample(names, len(names) // 50)}
        rows = [(f"A-{day}-{name}", "member", name, "ads", "any", answer, f"{day} 12:00:00", "客服来电", "v1.0")
                for name, answer in answers.items()]  # fmt: skip
        self._write("consents", day, [CONSENTS, *rows])
        self.listed += [self.members[name]["phone"] for name in self.random.sample(names, 3 if day == FIRST else 1)]
        rows = [(f"S-{nth}", phone, "", "来信要求") for nth, phone in enumerate(self.listed)]
        self._write("stop_list", day, [("entry_id", "phone", "email", "reason"), *rows])
        moved = [self.members[name] for name in self.random.sample(names, 4)]
        for nth, row in enumerate(moved):
            row["phone"] = f"1396{day:%m%d}{nth:03}"
        schema = pq.read_schema(next((self.shop.home / "landing" / "crm").glob("*/*.parquet")))
        pq.write_table(pa.Table.from_pylist(moved, schema), self._file("crm", day, "moved.parquet"))

    def _write(self, feed, day, rows):
        with self._file(feed, day, "asked.csv").open("w", encoding="utf-8", newline="") as text:
            csv.writer(text, lineterminator="\n").writerows(rows)

    def _file(self, feed, day, name):
        file = self.shop.home / "landing" / feed / str(day) / name
        file.parent.mkdir(parents=True, exist_ok=True)
        return file

    def compute(self, day):
        """Everything before the exports, and who may be sent now by the tables alone."""
        for name in needed(self.shop.context(str(day)), whole=day == FIRST):
            try:
                self._compute(name, day)
            except RetryableError:
                # The engine went away: what it says is to run the step again.
                self.shop.close()
                self._compute(name, day)
        self.wanted = allowed(self.shop.home, self.shop.conf, SENT_TO, SHARE, SALT)
        self.shop.close()

    def _compute(self, name, day):
        context = self.shop.context(str(day))
        # The step of a late feed fails, but its good rows are published.
        with suppress(ContractError):
            perform(context, context.step(name))

    def export(self, day, may_end=True):
        """Send every audience to its accounts once; whether anything is left to do."""
        pairs = [(audience, name) for audience, names in SENT_TO.items() for name in names]
        return True in [self._export(audience, name, day, may_end) for audience, name in pairs]

    def _export(self, audience, name, day, may_end):
        server, outcomes = self.servers[name], []
        asked, fatal = len(server.asked_to_add), self.random.choice(MOMENTS)
        ends = may_end and self.random.random() < KILLED
        if self.moments.kills(
            lambda: outcomes.append(self._perform(f"export.{audience}.{name}", day)),
            lambda nth, _: ends and nth == fatal,
        ):
            self.kills += 1
            # The process is gone: the next export begins with nothing but what lies in lake and store.
            self.shop.close()
        # Nobody is ever added who did not agree by that day, or is held out.
        assert all(values <= self.values(audience, name) for _, _, values in server.asked_to_add[asked:])
        is_over = outcomes == [False]
        self.ended += is_over
        assert not is_over or self.is_exact(audience, name), (audience, name, day)
        return not is_over

    def _perform(self, step, day):
        context = self.shop.context(str(day))
        try:
            return perform(context, context.step(step)).outcome.run_again
        except QuanyuError:
            return True

    def values(self, audience, name):
        """The values of an audience in a platform's form, hashed here."""
        texts = [TEXTS[name][kind](value) for kind, value in self.wanted[audience] if kind in TEXTS[name]]
        return {hashlib.sha256(text.encode()).hexdigest() for text in texts}

    def is_exact(self, audience, name):
        """Whether a platform has whom it should have, but for rows that it refused when they were last added."""
        lists = [entry.split(":")[-1] for entry in self._id(audience, name).split(",")]
        refused = set().union(*(self.servers[name].refused.get(one, ()) for one in lists))
        there, wanted = self.there(audience, name), self.values(audience, name)
        return there <= wanted and wanted - there <= refused

    def there(self, audience, name):
        """The values really on a platform."""
        audience_id = self._id(audience, name)
        return set(self.servers[name].members(audience_id)) if audience_id else set()

    def _id(self, audience, name):
        return self.shop.context(str(FIRST)).store.exports.state(f"{audience}.{name}").audience_id


def test_a_month_of_the_sample_ends_with_exactly_who_should_be_there(tmp_path, monkeypatch):
    monkeypatch.setattr(http, "FIRST_WAIT", 0)
    monkeypatch.setenv("PLATFORM_TOKEN", MetaServer.token)
    shop, last = Retailer(tmp_path), FIRST + timedelta(days=DAYS - 1)
    with ExitStack() as stack:
        servers = {"meta": MetaServer(least=0), "google": GoogleServer(), "tencent": TencentServer()}
        for server in servers.values():
            stack.enter_context(server)
        declare(shop, servers)
        month = SampleMonth(shop, servers, stack.enter_context(passing(monkeypatch)))
        month.generate()
        for nth in range(DAYS):
            day = FIRST + timedelta(days=nth)
            month.live(day)
            month.compute(day)
            month.export(day)
        for server in servers.values():
            server.faults(random.Random(0), 0.0)
        rounds = 0
        while month.export(last, may_end=False) and rounds < 6:
            rounds += 1
        for audience, names in SENT_TO.items():
            for name in names:
                assert month.is_exact(audience, name), (audience, name)
                assert len(month.there(audience, name)) > len(month.values(audience, name)) / 2 > 0, (audience, name)
        assert month.kills > DAYS / 4 and month.ended > DAYS / 4
    shop.close()
