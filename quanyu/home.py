"""Which home this is: its name, and where it lives. What was copied elsewhere computes, and lets nothing out."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import platform
import uuid
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path

from quanyu.errors import ConfigError
from quanyu.settings import Settings, has_facts, person_key_secret

MACHINE_IDS = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))


@dataclass(frozen=True)
class HomeNote:
    """What a home's first run noted of it, or a person accepted later: name, path, and a hash of the machine.

    `identity` was drawn at the first run, and tells it from another home of its name. `key` is a fingerprint of the key
    of persons. `restored` says when the backup was made out of which the home was restored, until a person accepts it;
    what was due up to the day `doubted` may have gone out since.
    """

    name: str
    path: str
    machine: str
    identity: str = ""
    key: str = ""
    restored: str = ""
    doubted: str = ""

    def is_at(self, other: HomeNote) -> bool:
        """Whether both are of one place and machine."""
        return (self.name, self.path, self.machine) == (other.name, other.path, other.machine)


def note_path(settings: Settings) -> Path:
    """Where the note lies."""
    return settings.home / "home.json"


def present(settings: Settings) -> HomeNote:
    """Say what would be noted now.

    The machine is the setting `machine`; without one the system's machine id, without that the host's name.
    """
    return HomeNote(settings.name, str(settings.home.resolve()), _machine(settings))


def noted(settings: Settings) -> HomeNote | None:
    """Read the note; None before the first run. Raises ConfigError for one that cannot be read."""
    path = note_path(settings)
    if not path.exists():
        return None
    try:
        return HomeNote(**json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError):
        raise ConfigError(f"{path} cannot be read; remove it and run `quanyu home accept`") from None


def note(settings: Settings) -> HomeNote:
    """Note the home as it is, readable for its owner alone; what else was noted of it stays."""
    before, here = noted(settings) or HomeNote("", "", ""), present(settings)
    identity = before.identity or uuid.uuid4().hex[:16]
    return write(
        settings.home, replace(before, name=here.name, path=here.path, machine=here.machine, identity=identity)
    )


def write(home: Path, home_note: HomeNote) -> HomeNote:
    """Write the note of the home in a folder, readable for its owner alone."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = home / "home.json"
    fresh = path.with_name(f"home.json.{os.getpid()}")
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps(asdict(home_note), indent=1), encoding="utf-8")
    fresh.replace(path)
    return home_note


def check_key(settings: Settings) -> None:
    """Compare the key of persons with the one that the home's facts were made with; noted now where it is not yet.

    Raises ConfigError for another key, or none, where there are facts.
    """
    before = noted(settings) or note(settings)
    key = hmac.new(person_key_secret(settings), b"quanyu person key", hashlib.sha256).hexdigest()[:16]
    if before.key and before.key != key and has_facts(settings):
        raise ConfigError(
            f"the key of persons is not the one that the facts in {settings.lake} were made with: everybody would be"
            f" somebody else. Put the former key back ({settings.keys.person or settings.home / 'person.key'}), take"
            " all of the home from its last backup (quanyu restore), or begin a new home with the same landing folder"
        )
    if before.key != key:
        write(settings.home, replace(before, key=key))


def check_name(settings: Settings) -> HomeNote:
    """Return the home's note, made now where there is none. Raises ConfigError where it has another name."""
    before = noted(settings) or note(settings)
    if before.name != settings.name:
        raise ConfigError(
            f"name: {settings.name!r} is not the name of this home, which is {before.name!r} and stands in all that it"
            f" sent and exported; write name: {before.name} in base.yml, or take another home for another name"
        )
    return before


def identity(settings: Settings) -> str:
    """Tell this home from another of its name, in what it writes outside. Raises ConfigError for another name."""
    return check_name(settings).identity or note(settings).identity


def doubted_until(settings: Settings) -> date | None:
    """Last day of which messages may have gone out that neither lake nor store know of; None for a home without."""
    before = noted(settings)
    return date.fromisoformat(before.doubted) if before and before.doubted else None


def may_send(settings: Settings) -> str | None:
    """Say why nothing may leave this home, or None where it may. Raises ConfigError where it has another name."""
    before, here = check_name(settings), present(settings)
    if before.restored:
        return (
            f"this home was restored out of a backup of {before.restored}: what was due since may have gone out; if no"
            " other one sends in its place, say so with `quanyu home accept`"
        )
    if before.is_at(here):
        return None
    moved = [f"at {before.path} and not at {here.path}"] if before.path != here.path else []
    moved += ["on another machine"] if before.machine != here.machine else []
    return (
        f"this home was noted {' and '.join(moved)}: a copy would send all again; if it is the only one,"
        " say so with `quanyu home accept`"
    )


def _machine(settings: Settings) -> str:
    ids = (path.read_text(encoding="utf-8").strip() for path in MACHINE_IDS if path.is_file())
    name = settings.machine or next((machine_id for machine_id in ids if machine_id), "") or platform.node()
    # The system's id is not for others' eyes.
    return hashlib.sha256(f"quanyu {name}".encode()).hexdigest()[:32]
