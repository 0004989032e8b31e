"""Copies cases into a separate folder, updates them to today's grammar, and runs their days with the real command."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from quanyu import discover
from quanyu.config.settings import read_settings
from quanyu.errors import ConfigError
from quanyu.grammar.journey import Journey

ROOT = Path(__file__).parents[2]
BASE = "zone: Asia/Shanghai\nregion: CN\n"
FIRST_DAY = "2024-07-01"
# Sources whose rows change months after their feed day; this must be declared now.
LATE_CHANGES = ("c10.yml",)
Mail = tuple[date, Path]
Seen = tuple[int, str]


@dataclass
class CaseHome:
    """A folder with conf and home, and the records of its days: exit codes and output by day and command, and mails."""

    folder: Path
    runs: dict[date, Seen] = field(default_factory=dict)
    mails: list[Mail] = field(default_factory=list)
    commands: dict[str, Seen] = field(default_factory=dict)

    @property
    def conf(self) -> Path:
        """Its declarations."""
        return self.folder / "conf"

    @property
    def home(self) -> Path:
        """Its home."""
        return self.folder / "home"

    def lay(self, cases: Iterable[Path]) -> None:
        """Copy declarations and files of several cases into one folder, adding keys that are required by now."""
        for case in cases:
            for part, target in (("conf", self.conf), ("landing", self.home / "landing")):
                if (case / part).is_dir():
                    shutil.copytree(case / part, target, dirs_exist_ok=True)
        self.conf.mkdir(parents=True, exist_ok=True)
        (self.conf / "base.yml").write_text(BASE)
        for file in self.conf.glob("sources/*.yml"):
            _complete(file, "freshness", "{hours: 72}" if "consents" in _read(file)["fills"] else "none")
            if file.name in LATE_CHANGES:
                _complete(file, "slack", "{hours: 8760}")
        if "starts" in Journey.model_fields:
            for file in self.conf.glob("journeys/*.yml"):
                _complete(file, "starts", FIRST_DAY)
        for file in (self.conf / "features").glob("*.py"):
            file.write_text(_upgraded(file.read_text(encoding="utf-8")), encoding="utf-8")

    def refusal(self) -> str:
        """The error of `quanyu validate`; empty if the declarations are valid."""
        try:
            discover.load(*read_settings(self.conf, self.home))
        except ConfigError as error:
            return str(error)
        return ""

    def run(self, day: date) -> None:
        """Run a day, which may fail, and record its output and mails."""
        before = set(self._outbox())
        self.runs[day] = self._command("run", "--day", str(day))
        self.mails += [(day, mail) for mail in self._outbox() if mail not in before]

    def ask(self, command: str) -> None:
        """Run a command of quanyu and record its output."""
        self.commands[command] = self._command(*shlex.split(command))

    def _command(self, *words: str) -> Seen:
        line = [sys.executable, "-m", "quanyu.cli", *words, "--conf", str(self.conf), "--home", str(self.home)]
        done = subprocess.run(line, cwd=self.folder, env=environment(), capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    def _outbox(self) -> list[Path]:
        return sorted((self.home / "outbox").rglob("*.eml"))


def environment() -> dict[str, str]:
    """This process's environment without settings of Quanyu: a case must not inherit them."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("QUANYU")}
    return {**plain, "PYTHONPATH": str(ROOT), "COLUMNS": "160"}


def _read(file: Path) -> dict[str, Any]:
    return dict(yaml.safe_load(file.read_text(encoding="utf-8")))


def _complete(file: Path, key: str, value: str) -> None:
    """Append a key to a declaration that lacks it."""
    if key not in _read(file):
        with file.open("a", encoding="utf-8") as declaration:
            declaration.write(f"\n{key}: {value}\n")


def _upgraded(view: str) -> str:
    """A feature view of a case in the words of docs/upgrading.md: the cases are older than entities."""
    view = view.replace("from quanyu.feature import", "from quanyu.grammar.feature import")
    view = view.replace("    owner, over, within = ", "    entity, owner, over, within = Customer, ")
    return view.replace(
        "from quanyu.model.trade", "from quanyu.model.entities import Customer\nfrom quanyu.model.trade"
    )
