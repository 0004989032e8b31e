"""Identity of a home: its name, path and machine. A copy elsewhere computes, but sends nothing."""

from __future__ import annotations

import hashlib
import hmac
import json
import platform
import uuid
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path

from quanyu.config.settings import Settings, has_facts, person_key_secret
from quanyu.errors import ConfigError
from quanyu.private_files import replace_file

MACHINE_IDS = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))


@dataclass(frozen=True)
class HomeNote:
    """Content of home.json, written by the first run or by `quanyu home accept`: name, path, hash of the machine.

    `identity` is a random id from the first run; it tells homes of the same name apart. `key` is a fingerprint of the
    person key. `restored` is the creation time of the backup that was restored, until a person accepts the home.
    Messages that were due up to the day `doubted` may have been sent already.
    """

    name: str
    path: str
    machine: str
    identity: str = ""
    key: str = ""
    restored: str = ""
    doubted: str = ""

    def is_at(self, other: HomeNote) -> bool:
        """Whether both have the same path and machine."""
        return (self.name, self.path, self.machine) == (other.name, other.path, other.machine)


def note_path(settings: Settings) -> Path:
    """Path of home.json."""
    return settings.home / "home.json"


def current_home(settings: Settings) -> HomeNote:
    """Describe the home at its current place.

    The machine is the setting `machine`, else the system's machine id, else the host name.
    """
    return HomeNote(settings.name, str(settings.home.resolve()), _machine(settings))


def recorded_home(settings: Settings) -> HomeNote | None:
    """Read home.json; None before the first run. Raises ConfigError if it cannot be read."""
    path = note_path(settings)
    if not path.exists():
        return None
    try:
        return HomeNote(**json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError):
        raise ConfigError(f"{path} cannot be read; remove it and run `quanyu home accept`") from None


def record_home(settings: Settings) -> HomeNote:
    """Write the current name, path and machine to home.json; other fields stay. Only its owner may read it."""
    before, current = recorded_home(settings) or HomeNote("", "", ""), current_home(settings)
    identity = before.identity or uuid.uuid4().hex[:16]
    return write_home_note(
        settings.home, replace(before, name=current.name, path=current.path, machine=current.machine, identity=identity)
    )


def write_home_note(home: Path, home_note: HomeNote) -> HomeNote:
    """Write home.json to a folder. Only its owner may read it."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    replace_file(home / "home.json", json.dumps(asdict(home_note), indent=1))
    return home_note


def check_key(settings: Settings) -> None:
    """Compare the person key with the one that the home's facts were made with. Recorded now if it is not yet.

    Raises ConfigError if the key differs or is missing although there are facts.
    """
    before = recorded_home(settings) or record_home(settings)
    key = hmac.new(person_key_secret(settings), b"quanyu person key", hashlib.sha256).hexdigest()[:16]
    if before.key and before.key != key and has_facts(settings):
        raise ConfigError(
            f"the person key is not the one that the facts in {settings.lake} were made with: everybody would get"
            f" another person_key. Put the former key back ({settings.keys.person or settings.home / 'person.key'}),"
            " restore the whole home from its last backup (quanyu restore), or start a new home with the same landing"
            " folder"
        )
    if before.key != key:
        write_home_note(settings.home, replace(before, key=key))


def check_name(settings: Settings) -> HomeNote:
    """Return the content of home.json, and create it if missing. Raises ConfigError if the home has another name."""
    before = recorded_home(settings) or record_home(settings)
    if before.name != settings.name:
        raise ConfigError(
            f"name: {settings.name!r} is not the name of this home. Its name is {before.name!r}, which is part of"
            f" everything it has sent and exported; write name: {before.name} in base.yml, or start a new home"
        )
    return before


def identity(settings: Settings) -> str:
    """Return the home's random id, which marks what it writes outside. Raises ConfigError for another name."""
    return check_name(settings).identity or record_home(settings).identity


def doubted_until(settings: Settings) -> date | None:
    """Last day whose messages may have been sent without a record in lake or store; None if there is no such day."""
    before = recorded_home(settings)
    return date.fromisoformat(before.doubted) if before and before.doubted else None


def may_send(settings: Settings) -> str | None:
    """Say why this home may not send; None if it may. Raises ConfigError if it has another name."""
    before, current = check_name(settings), current_home(settings)
    if before.restored:
        return (
            f"this home was restored from a backup of {before.restored}: messages that were due since may have been"
            " sent; if no other home sends in its place, confirm with `quanyu home accept`"
        )
    if before.is_at(current):
        return None
    moved = [f"at {before.path} and not at {current.path}"] if before.path != current.path else []
    moved += ["on another machine"] if before.machine != current.machine else []
    return (
        f"this home was noted {' and '.join(moved)}: a copy would send everything again; if it is the only one,"
        " confirm with `quanyu home accept`"
    )


def _machine(settings: Settings) -> str:
    ids = (path.read_text(encoding="utf-8").strip() for path in MACHINE_IDS if path.is_file())
    name = settings.machine or next((machine_id for machine_id in ids if machine_id), "") or platform.node()
    # The machine id is confidential, so it is hashed.
    return hashlib.sha256(f"quanyu {name}".encode()).hexdigest()[:32]
