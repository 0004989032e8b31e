"""Simulates the month, day by day, and checks every run."""

from __future__ import annotations

import pickle
import random
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import yaml

from benchmarks.month import claims as judging
from benchmarks.month.claims import Claims
from benchmarks.month.landing import Landing
from benchmarks.month.oracle import OracleFacts
from benchmarks.month.plan import Planned
from benchmarks.month.process import ROOT, Command, Ended, alone
from benchmarks.month.server import SOUND, Accepted, Fault, free_port, serving

# Declarations of the product's conf that the month uses unchanged.
TAKEN_OVER = ("identity.yml", "sources/crm.yml", "sources/consents.yml", "sources/pos.yml", "sources/sends.yml")
# Files with which an interrupted month continues.
STATE, TAKEN = "month.pickle", "accepted.tsv"
# Short, so that a day with a slow server ends soon.
TIMEOUT_SECONDS, ANSWER_SECONDS = 5, 2


@dataclass
class Month:
    """A home with its conf and server, and all observations of it."""

    work: Path
    first: date
    dice: random.Random
    lock: Path | None = None
    accepted: list[Accepted] = field(default_factory=list)
    entered: set[tuple[str, date]] = field(default_factory=set)
    claims: Claims = field(default_factory=Claims)
    runs: int = 0
    planned: list[Planned] = field(default_factory=list)
    _kill_at: int | None = None
    _command: Command | None = None

    def __post_init__(self) -> None:
        self.home, self.conf, self.log = self.work / "home", self.work / "conf", self.work / "runs.log"
        self.port = free_port()
        self.landing = Landing(self.work / "sample" / "landing", self.home / "landing", self.first, self.dice)

    def begin(self, customers: int, seed: int) -> None:
        """Write the conf folder, and land the history."""
        shutil.copytree(Path(__file__).with_name("conf"), self.conf)
        for name in TAKEN_OVER:
            shutil.copyfile(ROOT / "conf" / name, self.conf / name)
        password = self.work / "password"
        password.write_text("loopback only")
        mail = {"channel": "smtp", "port": self.port, "sender": "Month <month@month.example>",
                "username": f"file:{password}", "password": f"file:{password}",
                "timeout_seconds": TIMEOUT_SECONDS, "answer_seconds": ANSWER_SECONDS}  # fmt: skip
        with (self.conf / "base.yml").open("a") as base:
            yaml.safe_dump({"mail": mail}, base)
        with (self.conf / "journeys" / "thanks.yml").open("a") as journey:
            yaml.safe_dump({"starts": self.first}, journey)
        self.home.mkdir(mode=0o700)
        if Command(self.log, self.conf, self.home, "validate").end().code:
            raise SystemExit(f"the month's declarations have a mistake; see {self.log}")
        self.landing.begin(customers, seed)

    def go_on(self) -> None:
        """Simulate the remaining days, and store after each what the next process needs to continue."""
        while self.planned:
            self.live(self.planned[0])
            del self.planned[0]
            self._command = None
            (self.work / STATE).write_bytes(pickle.dumps(self))

    def live(self, day: Planned) -> None:
        """Land a day's files, and run it as planned."""
        on = self.first + timedelta(days=day.place)
        self.landing.day(day.place, self.accepted)
        self.pass_a_day()
        if day.incident == "skipped":
            say(on, "skipped", "", None, 0)
            return
        if before := {"lost store": self._lose_store, "yesterday's store": self._put_back_store}.get(day.incident):
            before()
        backup = self.work / "store.kept"
        if day.incident == "copied home":
            self._run_copy(on)
        ended = self.run(on, day.fault, day.incident, day.kill_after, day.kill_at)
        if ended.code < 0:
            self.claims.counts["kills"] += 1
            self.run(on, day.fault, "after the kill")
        if day.incident == "run again":
            self.run(on, day.fault, "again")
        if day.mended and day.fault != SOUND:
            self.pass_a_day()
            self.run(on, SOUND, "mended")
        _copy_store(self.home, backup)

    def run(
        self, on: date, fault: Fault, word: str, kill_after: str | None = None, kill_at: int | None = None,
        home: Path | None = None,
    ) -> Ended:  # fmt: skip
        """Run a day with the server's current fault, and check the messages that it accepted."""
        place = home or self.home
        with alone(self.lock):
            ended, new = self.attempt(
                fault, lambda: Command(self.log, self.conf, place, "run", "--day", on.isoformat()), kill_after, kill_at
            )
        self.judge(on, word, new, copied=place != self.home)
        say(on, fault.name, word, ended, len(new))
        if ended.left:
            self.claims.counts["processes that outlived a run"] += ended.left
        return ended

    def attempt(
        self, fault: Fault, begin: Callable[[], Command], kill_after: str | None = None, kill_at: int | None = None
    ) -> tuple[Ended, list[Accepted]]:
        """Run a command together with the server; returns how it ended, and the accepted messages."""
        self.runs, before = self.runs + 1, len(self.accepted)
        self._kill_at = before + kill_at if kill_at is not None else None
        with serving(self.port, fault, self._accept):
            self._command = begin()
            ended = self._command.end(kill_after)
        return ended, self.accepted[before:]

    def judge(self, on: date, word: str, new: list[Accepted], copied: bool = False) -> None:
        """Check accepted messages against landed files, and note who is in the audience."""
        facts = OracleFacts.read(self.landing.landing)
        closed = "this is a copied home" if copied else self.landing.doubt(on)
        judging.check_consent(self.claims, facts, f"{on} {word}".strip(), new, closed)
        judging.check_holdout(self.claims, self.home, f"{on} {word}".strip(), new)
        judging.check_seed(self.claims, facts, self.home, on)
        self.entered |= {(stay["customer_id"], stay["entered_on"]) for stay in judging.stays(self.home)}

    def end(self, last: date) -> Claims:
        """Check the month as a whole."""
        facts = OracleFacts.read(self.landing.landing)
        judging.check_twice(self.claims, self.home, self.accepted, facts)
        judging.check_forgotten(self.claims, self.home, self.accepted, self.entered, last)
        return self.claims

    def recall(self) -> None:
        """Read the accepted messages, also those of a run that was interrupted."""
        file = self.work / TAKEN
        lines = file.read_text().splitlines() if file.exists() else []
        self.accepted = [Accepted(int(run), name, to) for run, name, to in (line.split("\t") for line in lines)]

    def _accept(self, message_id: str, to: str) -> None:
        self.accepted.append(Accepted(self.runs, message_id, to))
        with (self.work / TAKEN).open("a") as file:
            file.write(f"{self.runs}\t{message_id}\t{to}\n")
        if self._kill_at is not None and len(self.accepted) >= self._kill_at and self._command:
            self._command.kill()

    def _run_copy(self, on: date) -> None:
        """Run the day on a copy of the home first: it computes, and sends nothing."""
        copy = self.work / "copy"
        shutil.copytree(self.home, copy, symlinks=True)
        before = _sets(copy)
        self.run(on, SOUND, "copy", home=copy)
        if _sets(copy) != before:
            self.claims.outside.append(f"{on}: a copied home exported a set")
        shutil.rmtree(copy)

    def pass_a_day(self) -> None:
        """Skip the quarter of an hour after which failed messages are tried again."""
        file = self.home / "store.db"
        if file.exists():
            with closing(sqlite3.connect(file)) as store, store:
                if store.execute("select 1 from sqlite_master where name = 'outbox'").fetchone():
                    store.execute("update outbox set not_before = null")

    def _lose_store(self) -> None:
        for file in self.home.glob("store.db*"):
            file.unlink()

    def _put_back_store(self) -> None:
        """Restore the store of the day before the last."""
        older = self.work / "store.older"
        if older.exists():
            self._lose_store()
            shutil.copyfile(older, self.home / "store.db")


def _copy_store(home: Path, backup: Path) -> None:
    """Back up the stores of the last two days."""
    if backup.exists():
        backup.replace(backup.with_name("store.older"))
    with closing(sqlite3.connect(home / "store.db")) as store, closing(sqlite3.connect(backup)) as copy:
        store.backup(copy)


def _sets(home: Path) -> dict[Path, bytes]:
    """Contents of all delivered sets, by file."""
    files = (home / "exports").rglob("*")
    return {file.relative_to(home): file.read_bytes() for file in files if file.is_file()}


def say(on: date, fault: str, word: str, ended: Ended | None, accepted: int) -> None:
    """Print a line of one run."""
    code, seconds = (ended.code, ended.seconds) if ended else (0, 0.0)
    print(
        f"{on}  {fault:30}  {word:20}  exit {code:3}  {seconds:5.0f} s  {accepted:3} accepted  {time.strftime('%X')}",
        flush=True,
    )
