"""The only module that uses MLflow: each version's training data, metrics, and which version is the champion."""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date
from importlib.metadata import version
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ml.lifecycle.evaluate import Judged
from ml.lifecycle.train import Trained
from quanyu.config.settings import Settings
from quanyu.errors import QuanyuError
from quanyu.grammar.declaration import digest
from quanyu.grammar.model_spec import ModelSpec

if TYPE_CHECKING:
    import pandas as pd

CHAMPION = "champion"
IDENTITY = "identity"
# Plots of equal content have equal bytes.
PLAIN = {"metadata": {"Software": None}}
QUIET = ("mlflow", "alembic", "mlflow.store.db.utils", "mlflow.tracking.fluent")


@dataclass(frozen=True)
class Dataset:
    """The data that a model was trained and evaluated on, described without any of its rows."""

    day: date
    tables: Mapping[str, int]
    test_cutoff: date
    training_cutoffs: tuple[date, ...]

    def facts(self) -> dict[str, Any]:
        """Return the description as plain values."""
        return {
            "day": str(self.day),
            "tables": dict(sorted(self.tables.items())),
            "test_cutoff": str(self.test_cutoff),
            "training_cutoffs": [str(cutoff) for cutoff in self.training_cutoffs],
        }


@dataclass(frozen=True)
class Recorded:
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

    def record(self, spec: type[ModelSpec], trained: Trained, judged: Judged, dataset: Dataset) -> Recorded:
        """Log and register the version; make it champion if all gates passed and no champion was trained later.

        The same declaration, data and day are recorded once, however often a training was killed and repeated.
        """
        identity = digest([spec.digest(), dataset.facts(), trained.facts])
        with self._client() as client:
            version = _by_identity(client, spec.name, identity)
            if version is None:
                _delete_unfinished(client, spec.name, identity)
                version = self._register(client, spec, trained, judged, dataset, identity)
                new = True
            else:
                new = False
            champion = judged.passed and _promote(client, spec.name, version, dataset.day)
            return Recorded(spec.name, int(version.version), champion, new)

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
        judged: Judged,
        dataset: Dataset,
        identity: str,
    ) -> Any:
        import mlflow

        experiment = self._experiment(client, spec.name)
        name, marks = f"{spec.name} {dataset.day}", {IDENTITY: identity}
        with mlflow.start_run(experiment_id=experiment, run_name=name, tags=marks) as run:
            _log_facts(spec, trained, judged, dataset)
            info = _log_model(spec, trained)
        tags = {
            **marks,
            "trained_on": str(dataset.day),
            "gates": "passed" if judged.passed else "failed",
            "features": json.dumps(trained.features),
        }
        _ensure_model(client, spec)
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


def _log_facts(spec: type[ModelSpec], trained: Trained, judged: Judged, dataset: Dataset) -> None:
    """Log the declaration, the data, the metrics and the plots of a version to the active run."""
    import mlflow

    params = {**spec.estimator.params, "kind": spec.estimator.kind, "task": spec.task.name, **asdict(spec.task)}
    params |= {"population": spec.population, "horizon_days": spec.label.horizon_days, "definition": spec.digest()}
    mlflow.log_params(params | {"training_rows": trained.facts["rows"]})
    # MLflow's database rejects nan.
    mlflow.log_metrics({name: value for name, value in judged.metrics.items() if not isnan(value)})
    facts = dataset.facts() | {"training": trained.facts, "features": list(trained.features)}
    mlflow.log_dict(facts, "dataset.json")
    mlflow.log_dict({"gates": [str(result) for result in judged.gates]}, "gates.json")
    _log_dataset(spec.name, facts)
    title = f"{spec.name} from {dataset.test_cutoff}, known on {dataset.day}"
    for name, figure in spec.task.plots(judged.scores, judged.labels, judged.metrics, title).items():
        mlflow.log_figure(figure, f"plots/{name}.png", save_kwargs=PLAIN)


def _log_dataset(name: str, facts: dict[str, Any]) -> None:
    import mlflow
    from mlflow.entities import Dataset as LoggedDataset
    from mlflow.entities import DatasetInput

    logged = LoggedDataset(
        name=f"{name} {facts['day']}",
        digest=digest(facts),
        source_type="delta",
        source=json.dumps(facts["tables"]),
        profile=json.dumps(facts["training"]),
    )
    mlflow.MlflowClient().log_inputs(mlflow.active_run().info.run_id, [DatasetInput(logged)])


def _log_model(spec: type[ModelSpec], trained: Trained) -> Any:
    import mlflow.pyfunc
    import pandas as pd
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    # Synthetic: a row of the training data would be personal data.
    example = pd.DataFrame([dict.fromkeys(trained.features, 0.0), dict.fromkeys(trained.features, 1.0)])
    columns, predictor = list(spec.task.columns), trained.predictor
    # One column is answered as a plain array, whose values have no name.
    outputs = [ColSpec("double", name) for name in columns] if len(columns) > 1 else [ColSpec("double")]
    features = [ColSpec("double", feature, required=False) for feature in trained.features]
    with tempfile.TemporaryDirectory() as folder:
        return mlflow.pyfunc.log_model(
            name=spec.name,
            python_model=str(predictor.serving),
            artifacts=predictor.save(Path(folder)),
            signature=ModelSignature(inputs=Schema(features), outputs=Schema(outputs)),
            input_example=example,
            pip_requirements=[f"{package}=={version(package)}" for package in predictor.requirements],
        )


def _ensure_model(client: Any, spec: type[ModelSpec]) -> None:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(spec.name, description=(spec.__doc__ or "").strip())
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _versions(client: Any, name: str) -> list[Any]:
    return list(client.search_model_versions(f"name = '{name}'"))


def _by_identity(client: Any, name: str, identity: str) -> Any:
    same = [version for version in _versions(client, name) if version.tags.get(IDENTITY) == identity]
    return min(same, key=lambda version: int(version.version), default=None)


def _delete_unfinished(client: Any, name: str, identity: str) -> None:
    # Runs of the same training that was killed: without a version they would look running for ever.
    experiment = client.get_experiment_by_name(name)
    if experiment is not None:
        for run in client.search_runs([experiment.experiment_id], f"tags.{IDENTITY} = '{identity}'"):
            client.delete_run(run.info.run_id)


def _champion(client: Any, name: str) -> Any:
    from mlflow.exceptions import MlflowException

    try:
        return client.get_model_version_by_alias(name, CHAMPION)
    except MlflowException as error:
        # No such model, or no such alias.
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise


def _promote(client: Any, name: str, version: Any, day: date) -> bool:
    holder = _champion(client, name)
    if holder is not None and _trained_on(holder) > day:
        return False
    if holder is None or holder.version != version.version:
        client.set_registered_model_alias(name, CHAMPION, str(version.version))
    return True


def _trained_on(version: Any) -> date:
    return date.fromisoformat(version.tags["trained_on"])
