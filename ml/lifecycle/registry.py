"""The registry of models in MLflow: versions, and which of them is the champion."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ml.lifecycle import tracking
from ml.lifecycle.evaluate import Evaluation
from ml.lifecycle.tracking import Dataset
from ml.lifecycle.train import Trained
from quanyu.config.settings import Settings
from quanyu.errors import QuanyuError
from quanyu.grammar.declaration import digest
from quanyu.grammar.model_spec import ModelSpec

if TYPE_CHECKING:
    import pandas as pd

CHAMPION = "champion"
IDENTITY = "identity"
QUIET = ("mlflow", "alembic", "mlflow.store.db.utils", "mlflow.tracking.fluent")


@dataclass(frozen=True)
class RegisteredVersion:
    """A registered version; `new` is false when the same training was recorded before."""

    name: str
    version: int
    champion: bool
    new: bool


@dataclass(frozen=True)
class Champion:
    """The version that scores: its training day, its features, and its loaded model."""

    name: str
    version: int
    trained_on: date
    features: tuple[str, ...]
    ask: Callable[[pd.DataFrame], Any] = field(repr=False)

    def predict(self, frame: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
        """Return the columns of a score for each row; columns that are not features are ignored."""
        import numpy as np
        import pandas as pd

        predictions = np.asarray(self.ask(frame[list(self.features)].astype("float64")), dtype=np.float64)
        return pd.DataFrame(predictions.reshape(len(frame), len(columns)), frame.index, columns)


class Registry:
    """MLflow with its own database (sqlite:///file) and a folder for artifacts."""

    def __init__(self, tracking_uri: str, artifacts: Path) -> None:
        self._uri = tracking_uri
        self._artifacts = artifacts.absolute()

    @classmethod
    def of(cls, settings: Settings) -> Registry:
        """The registry of a home."""
        return cls(settings.mlflow_url, settings.home / "mlruns")

    def prepare(self) -> None:
        """Create the schema. This takes seconds, once, and must not run in two processes at a time."""
        with self._client() as client:
            client.search_experiments(max_results=1)

    def record(
        self, spec: type[ModelSpec], trained: Trained, evaluation: Evaluation, dataset: Dataset
    ) -> RegisteredVersion:
        """Log and register the version; make it champion if all gates passed and no champion was trained later.

        The same declaration, data and day are recorded once, however often a training was killed and repeated.
        """
        identity = digest([spec.digest(), dataset.facts(), trained.facts])
        with self._client() as client:
            earlier = _by_identity(client, spec.name, identity)
            version = earlier or self._register(client, spec, trained, evaluation, dataset, identity)
            champion = evaluation.passed and _promote(client, spec.name, version, dataset.day)
            return RegisteredVersion(spec.name, int(version.version), champion, new=earlier is None)

    @contextmanager
    def experiment(self, name: str) -> Iterator[tuple[Any, str]]:
        """Open an experiment, creating it where necessary: yields an MLflow client and the experiment's id."""
        with self._client() as client:
            yield client, self._experiment(client, name)

    def champion(self, name: str) -> Champion | None:
        """Load the champion; None when no version has passed its gates yet."""
        import mlflow.pyfunc

        with self._client() as client:
            holder = _champion(client, name)
            if holder is None:
                return None
            model = mlflow.pyfunc.load_model(f"models:/{name}/{holder.version}")
            features = tuple(json.loads(holder.tags["features"]))
            return Champion(name, int(holder.version), _trained_on(holder), features, model.predict)

    def last_trained_on(self, name: str) -> date | None:
        """Return the latest day a version was trained on, whether or not it passed its gates."""
        with self._client() as client:
            return max((_trained_on(version) for version in _versions(client, name)), default=None)

    def _register(
        self,
        client: Any,
        spec: type[ModelSpec],
        trained: Trained,
        evaluation: Evaluation,
        dataset: Dataset,
        identity: str,
    ) -> Any:
        import mlflow

        experiment, marks = self._experiment(client, spec.name), {IDENTITY: identity}
        # Runs of the same training that was killed: without a version they would look running for ever.
        for run in client.search_runs([experiment], f"tags.{IDENTITY} = '{identity}'"):
            client.delete_run(run.info.run_id)
        with mlflow.start_run(experiment_id=experiment, run_name=f"{spec.name} {dataset.day}", tags=marks) as run:
            tracking.log_facts(spec, trained, evaluation, dataset)
            info = tracking.log_model(spec, trained)
        tags = {
            **marks,
            "trained_on": str(dataset.day),
            "gates": "passed" if evaluation.passed else "failed",
            "features": json.dumps(trained.features),
        }
        if not _registered(client, spec.name):
            client.create_registered_model(spec.name, description=(spec.__doc__ or "").strip())
        # Tags are set with the version, so that a kill leaves no version without its identity.
        return client.create_model_version(
            spec.name, info.model_uri, run.info.run_id, tags=tags, model_id=info.model_id
        )

    def _experiment(self, client: Any, name: str) -> str:
        experiment = client.get_experiment_by_name(name)
        if experiment is not None:
            return str(experiment.experiment_id)
        # A tracking server chooses the location of artifacts itself.
        served = self._uri.startswith("http")
        location = None if served else (self._artifacts / name).as_uri()
        return str(client.create_experiment(name, artifact_location=location))

    @contextmanager
    def _client(self) -> Iterator[Any]:
        import mlflow
        from mlflow.exceptions import MlflowException

        # MLflow's tracking address is a global setting: restore it.
        before = mlflow.get_tracking_uri(), mlflow.get_registry_uri()
        levels = {name: logging.getLogger(name).level for name in QUIET}
        try:
            for name in QUIET:
                logging.getLogger(name).setLevel(logging.ERROR)
            mlflow.set_tracking_uri(self._uri)
            mlflow.set_registry_uri(self._uri)
            yield mlflow.MlflowClient(self._uri, self._uri)
        except MlflowException as error:
            raise QuanyuError(f"MLflow at {self._uri}: {error.message}") from error
        finally:
            mlflow.set_tracking_uri(before[0])
            mlflow.set_registry_uri(before[1])
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)


def _registered(client: Any, name: str) -> list[Any]:
    """The registered model of this name in a list; an empty list if there is none."""
    return list(client.search_registered_models(f"name = '{name}'"))


def _versions(client: Any, name: str) -> list[Any]:
    return list(client.search_model_versions(f"name = '{name}'"))


def _by_identity(client: Any, name: str, identity: str) -> Any:
    same = [version for version in _versions(client, name) if version.tags.get(IDENTITY) == identity]
    return min(same, key=lambda version: int(version.version), default=None)


def _champion(client: Any, name: str) -> Any:
    numbers = [model.aliases.get(CHAMPION) for model in _registered(client, name)]
    return client.get_model_version(name, numbers[0]) if numbers and numbers[0] else None


def _promote(client: Any, name: str, version: Any, day: date) -> bool:
    holder = _champion(client, name)
    if holder is not None and _trained_on(holder) > day:
        return False
    if holder is None or holder.version != version.version:
        client.set_registered_model_alias(name, CHAMPION, str(version.version))
    return True


def _trained_on(version: Any) -> date:
    return date.fromisoformat(version.tags["trained_on"])
