"""Trains a version again from its pins, in a copy of the tables as they were, and compares data and metrics."""

from __future__ import annotations

import contextlib
import math
import shutil
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from ml.lifecycle.champions.versions import ModelVersion
from ml.lifecycle.learning import learn
from ml.lifecycle.registry import Registry
from quanyu.config.settings import Settings
from quanyu.errors import ConfigError, QuanyuError
from quanyu.lake.past import copy_tables
from quanyu.run.runner import Context

FOLDER = "reproduce"
# Metrics are recorded as numbers of MLflow, and threads may add in another order.
TOLERANCE = 1e-9
# Figures that another run of the same data may differ in.
OF_THE_MACHINE = ("scoring_seconds",)


@dataclass(frozen=True)
class Reproduction:
    """Whether the training data is the same, and each metric as recorded and as it came now."""

    same_data: bool
    metrics: Mapping[str, tuple[float, float]]

    @property
    def differing(self) -> dict[str, tuple[float, float]]:
        """Metrics that are not as recorded."""
        return {name: pair for name, pair in self.metrics.items() if not math.isclose(*pair, abs_tol=TOLERANCE)}


def reproduce(settings: Settings, version: ModelVersion) -> Reproduction:
    """Train a version again from the versions of tables that it recorded; nothing of it is registered.

    Raises ConfigError if upkeep has removed what a pin needs.
    """
    registry = Registry.of(settings)
    facts, recorded = registry.logged(version, "dataset.json"), registry.metrics(version)
    with _pinned(settings, version, facts) as context:
        spec = context.catalogue.models[version.name]
        cutoffs = [date.fromisoformat(cutoff) for cutoff in facts["training_cutoffs"]]
        learned = learn(context, spec, cutoffs, date.fromisoformat(facts["test_cutoff"]), share=facts.get("share"))
    now = learned.evaluation.metrics
    pairs = {name: (value, now[name]) for name, value in sorted(recorded.items())
             if name in now and name not in OF_THE_MACHINE}  # fmt: skip
    return Reproduction(learned.trained.facts["data"] == facts["training"]["data"], pairs)


@contextlib.contextmanager
def _pinned(settings: Settings, version: ModelVersion, facts: Mapping[str, Any]) -> Iterator[Context]:
    """A context of the training's day over its tables as they were then, in a folder that is removed at the end."""
    folder = settings.home / FOLDER / uuid.uuid4().hex
    folder.mkdir(parents=True, mode=0o700)
    home = Context(settings, date.fromisoformat(facts["day"]), sends=False)
    copy = Context(settings.model_copy(update={"home": folder, "store": ""}), home.day, sends=False)
    try:
        # The key of hashes of persons decides no feature, but a feature may hash with it.
        for key in settings.home.glob("person.key"):
            shutil.copy2(key, folder / key.name)
        tables = {place: number for place, number in facts["tables"].items() if home.lake.exists(place)}
        try:
            copy_tables(home.lake, copy.settings.lake, tables)
        except QuanyuError as error:
            number = f"{version.name} version {version.version}"
            raise ConfigError(f"the pins of {number} have expired, it cannot be reproduced: {error}") from None
        yield copy
    finally:
        copy.close()
        home.close()
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            folder.parent.rmdir()
