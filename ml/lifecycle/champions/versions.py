"""Versions of a model in MLflow's registry: what each says of itself, and the aliases that decide which one scores."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from typing import Any

from quanyu.errors import ConfigError, nearest

CHAMPION, CHALLENGER, PREVIOUS = "champion", "challenger", "previous"
IDENTITY, WITHDRAWN, PROMOTED = "identity", "withdrawn", "promoted"
# A version that passed has it until its alias is decided: a kill may come between.
UNDECIDED = "undecided"
# How MLflow calls the description of a run and of an experiment.
DESCRIPTION = "mlflow.note.content"


@dataclass(frozen=True)
class ModelVersion:
    """What a registered version says of itself, and its aliases of now."""

    name: str
    version: int
    trained_on: date
    meaning: str
    features: tuple[str, ...]
    passed: bool
    reasons: tuple[str, ...]
    """Gates that failed, each with its figure."""
    aliases: tuple[str, ...]
    run: str
    """Id of its run in MLflow."""
    decisions: tuple[str, ...] = ()
    """Who promoted or withdrew it by hand, and why."""


def read(version: Any, aliases: dict[str, str]) -> ModelVersion:
    """Read a version of MLflow; `aliases` maps those of its model to numbers of versions."""
    tags, reasons = version.tags, json.loads(version.tags.get("reasons", "[]"))
    own = tuple(alias for alias, number in sorted(aliases.items()) if int(number) == int(version.version))
    decisions = tuple(f"{decision} {tags[decision]}" for decision in (PROMOTED, WITHDRAWN) if tags.get(decision))
    return ModelVersion(
        version.name, int(version.version), date.fromisoformat(tags["trained_on"]), tags.get("meaning", ""),
        tuple(json.loads(tags["features"])), tags.get("gates") == "passed", tuple(reasons), own,
        version.run_id, decisions,
    )  # fmt: skip


def registered(client: Any, name: str) -> list[Any]:
    """The registered model of this name in a list; an empty list if there is none."""
    return list(client.search_registered_models(f"name = '{name}'"))


def stored(client: Any, name: str) -> list[Any]:
    """MLflow's versions of a model, newest first."""
    versions = client.search_model_versions(f"name = '{name}'")
    return sorted(versions, key=lambda version: -int(version.version))


def listed(client: Any, name: str) -> list[ModelVersion]:
    """Versions of a model, newest first."""
    aliases = {alias: number for model in registered(client, name) for alias, number in model.aliases.items()}
    return [read(version, aliases) for version in stored(client, name)]


def of_alias(client: Any, name: str, alias: str) -> ModelVersion | None:
    """The version of an alias; None if no version has it."""
    return next((version for version in listed(client, name) if alias in version.aliases), None)


def promote(client: Any, version: ModelVersion) -> None:
    """Make a version the champion, and the champion the previous one. Killed at any moment, it can be repeated."""
    name, holder = version.name, of_alias(client, version.name, CHAMPION)
    client.set_registered_model_alias(name, CHALLENGER, str(version.version))
    if holder is not None and holder.version != version.version:
        client.set_registered_model_alias(name, PREVIOUS, str(holder.version))
    client.set_registered_model_alias(name, CHAMPION, str(version.version))
    client.delete_registered_model_alias(name, CHALLENGER)


def challenge(client: Any, version: ModelVersion) -> bool:
    """Make a version that passed its gates the champion, unless a champion of the same meaning was trained later.

    One that a person withdrew does not come back by itself. Returns whether it is the champion now.
    """
    holder = of_alias(client, version.name, CHAMPION)
    if any(decision.startswith(WITHDRAWN) for decision in version.decisions):
        return False
    if holder is not None and holder.trained_on > version.trained_on and holder.meaning == version.meaning:
        client.set_registered_model_alias(version.name, CHALLENGER, str(version.version))
        return False
    promote(client, version)
    return True


def decide(client: Any, name: str, meaning: str) -> ModelVersion | None:
    """Let the newest version challenge that a killed training registered without deciding its alias.

    Returns it if it is the champion now; None where there is none of this meaning.
    """
    newest = next(iter(stored(client, name)), None)
    if newest is None or not newest.tags.get(UNDECIDED) or newest.tags.get("meaning", "") != meaning:
        return None
    version = listed(client, name)[0]
    champion = challenge(client, version)
    client.delete_model_version_tag(name, str(version.version), UNDECIDED)
    return version if champion else None


def roll_back(client: Any, name: str, by: str, why: str) -> tuple[ModelVersion, ModelVersion]:
    """Give the champion's alias back to the previous version, and withdraw the champion.

    Returns the champion before and after. Raises ConfigError if there is no previous version.
    """
    holder, previous = (of_alias(client, name, alias) for alias in (CHAMPION, PREVIOUS))
    if holder is None or previous is None or holder.version == previous.version:
        raise ConfigError(f"{name} has no previous champion; quanyu model promote {name} VERSION makes any version it")
    client.set_model_version_tag(name, str(holder.version), WITHDRAWN, f"by {by}: {why}")
    client.set_registered_model_alias(name, CHAMPION, str(previous.version))
    client.delete_registered_model_alias(name, PREVIOUS)
    return holder, previous


def promote_by_hand(client: Any, name: str, number: int, by: str, why: str, anyway: bool) -> ModelVersion:
    """Make a version champion because a person says so, and note who and why.

    Raises ConfigError for a version that is not there, or that failed its gates unless `anyway`.
    """
    numbers = {str(version.version): version for version in listed(client, name)}
    if str(number) not in numbers:
        raise ConfigError(f"{name} has no version {number}; {nearest(str(number), numbers)}")
    version = numbers[str(number)]
    if not version.passed and not anyway:
        raise ConfigError(f"{name} version {number} failed its gates ({'; '.join(version.reasons)}): give --anyway if"
                          " you answer for it")  # fmt: skip
    client.set_model_version_tag(name, str(number), PROMOTED, f"by {by}: {why}")
    client.delete_model_version_tag(name, str(number), WITHDRAWN)
    promote(client, version)
    return version
