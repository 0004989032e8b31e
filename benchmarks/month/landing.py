"""Files that land on each day of the month: the sample's, and changes of consent at critical moments."""

from __future__ import annotations

import csv
import random
import shutil
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.month.oracle import OracleFacts
from benchmarks.month.server import Accepted
from sample.generate import generate

FEEDS = ("crm", "consents", "pos", "sends")
HISTORY, DAYS = 45, 30
# Pairs of members who share an address, and members who buy in the web shop a day.
PAIRS, BUYERS = 12, 16
CONSENTS = ("consent_id", "subject_kind", "subject", "purpose", "channel", "state", "changed_at", "evidence", "policy")
ORDERS = ("order_id", "ordered_at", "member_no", "amount")
EVENTS = ("message_id", "status", "at", "member_no", "email")
# Days of the month: unreadable rows and their fix, lists, a file that is refused until the day after.
TYPED, MENDED, LISTED, REFUSED = 5, 14, (2, 12), 9


@dataclass
class Landing:
    """The landing folder of a home, filled day by day from a folder of the sample."""

    sample: Path
    landing: Path
    first: date
    dice: random.Random
    recent: list[str] = field(default_factory=list)
    typed: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def begin(self, customers: int, seed: int) -> None:
        """Generate the sample and land its history, with pairs that share an address, and consents."""
        start = self.first - timedelta(days=HISTORY)
        generate(self.sample, customers, start, HISTORY + DAYS, seed, feeds=FEEDS)
        for number in range(HISTORY):
            self._sample_of(start + timedelta(days=number))
        self._families(start + timedelta(days=1))
        facts = OracleFacts.read(self.landing)
        consenting = [member for member in facts.members_with_address() if self.dice.random() < 0.6]
        self._consent(start + timedelta(days=2), [(member, "any", "Y") for member in sorted(consenting)], "asked")

    def day(self, place: int, accepted: Sequence[Accepted]) -> None:
        """Land all files of a day of the month."""
        on = self.first + timedelta(days=place)
        self._sample_of(on)
        facts = OracleFacts.read(self.landing)
        self._changes(place, on, facts, accepted)
        self._orders(on, facts)

    def doubt(self, on: date) -> str:
        """Say why nothing may be sent on a day: a file of consents was refused, and is not fixed yet."""
        refused = on == self.first + timedelta(days=REFUSED)
        return "a file of consents was refused" if refused else ""

    def _sample_of(self, on: date) -> None:
        for feed in FEEDS:
            files = self.sample / feed / on.isoformat()
            if files.is_dir():
                shutil.copytree(files, self.landing / feed / on.isoformat(), dirs_exist_ok=True)

    def _families(self, on: date) -> None:
        table = pq.read_table(next(iter(sorted((self.sample / "crm").glob("*/*.parquet")))))
        rows = table.slice(0, 2 * PAIRS).to_pylist()
        for number, row in enumerate(rows):
            family = {"member_no": f"F{number:04}", "name": f"家人{chr(0x4E00 + number)}", "phone": None}
            address = {"email": f"family{number // 2}@home.example", "unionid": None, "merged_into": None}
            row |= family | address
        file = self.landing / "crm" / on.isoformat() / "families.parquet"
        file.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(rows, table.schema), file)
        self._consent(on, [(row["member_no"], "any", "Y") for row in rows], "families")

    def _orders(self, on: date, facts: OracleFacts) -> None:
        members = sorted(facts.members_with_address())
        families = [member for member in members if member.startswith("F")]
        buyers = {*self.dice.sample(members, min(BUYERS, len(members))), *self.dice.sample(families, 2)}
        rows = [
            (f"W{on:%m%d}-{buyer}", f"{on} 1{n % 10}:00:00", buyer, "199.00") for n, buyer in enumerate(sorted(buyers))
        ]
        self._write("web_orders", on, "orders.csv", ORDERS, rows)
        self.recent = [*sorted(buyers), *self.recent][: 5 * BUYERS]

    def _changes(self, place: int, on: date, facts: OracleFacts, accepted: Sequence[Accepted]) -> None:
        """Let people who are about to get a message withdraw, consent again and unsubscribe."""
        pick = self.dice.sample(self.recent, min(9, len(self.recent)))
        channels = self.dice.choices(("any", "email"), k=4)
        answers = [(member, channel, "N") for member, channel in zip(pick[:2], channels, strict=False)]
        withdrawn = sorted(facts.withdrawn())
        answers += [(member, "any", "Y") for member in self.dice.sample(withdrawn, min(1, len(withdrawn)))]
        self._consent(on, answers, "changes")
        events = [("", "", self._status(), member, "") for member in pick[2:3]]
        events += [("", one.message_id, self._status(), "", one.to) for one in self._some(accepted, 2)]
        rows = [
            (name or f"x-{on}-{n}", status, f"{on} 20:0{n}:00", who, to)
            for n, (_, name, status, who, to) in enumerate(events)
        ]
        if rows:
            self._write("mail_events", on, "events.csv", EVENTS, rows)
        self._mistakes(place, on, pick[3:])

    def _mistakes(self, place: int, on: date, pick: Sequence[str]) -> None:
        if place in LISTED:
            facts = OracleFacts.read(self.landing)
            rows = [(facts.address_of(member), "asked by letter") for member in pick[3:]]
            self._write("stop_list", on, "list.csv", ("email", "why"), rows)
        if place == TYPED:
            self.typed = list(pick[:3])
            self._consent(
                on, [(member, "any", state) for member, state in zip(self.typed, "nyy", strict=False)], "typed"
            )
        if place == MENDED and self.typed:
            then = self.first + timedelta(days=TYPED)
            mended = [(member, "any", state) for member, state in zip(self.typed, "NYY", strict=False)]
            self._consent(then, mended, "typed")
        if place == REFUSED:
            self._write("consents", on, "late.csv", ("who", "said"), [("x", "y")])
        if place == REFUSED + 1:
            self._write("consents", on - timedelta(days=1), "late.csv", CONSENTS, [])

    def _status(self) -> str:
        return self.dice.choice(("unsubscribed", "complained", "bounced"))

    def _some(self, accepted: Sequence[Accepted], many: int) -> list[Accepted]:
        return self.dice.sample(list(accepted[-60:]), min(many, len(accepted[-60:])))

    def _consent(self, on: date, answers: Collection[tuple[str, str, str]], name: str) -> None:
        rows = [
            (
                f"{name}-{on}-{n}",
                "member",
                member,
                "messages",
                channel,
                state,
                f"{on} 12:00:{n % 60:02}",
                "客服来电",
                "v1.0",
            )
            for n, (member, channel, state) in enumerate(answers)
        ]
        self._write("consents", on, f"{name}.csv", CONSENTS, rows)

    def _write(self, feed: str, on: date, name: str, header: Sequence[str], rows: Collection[Sequence[str]]) -> Path:
        file = self.landing / feed / on.isoformat() / name
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("w", encoding="utf-8", newline="") as text:
            csv.writer(text, lineterminator="\n").writerows([header, *rows])
        self.counts[f"{feed}/{name}"] = self.counts.get(f"{feed}/{name}", 0) + len(rows)
        return file
