"""The registry of models in MLflow: records versions, and gives the champion that scores."""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ml.lifecycle import tracking
from ml.lifecycle.champions import artifacts, versions
from ml.lifecycle.champions.versions import DESCRIPTION, IDENTITY, ModelVersion
from ml.lifecycle.evaluate import Evaluation
from ml.lifecycle.tracking import Dataset
from ml.lifecycle.train import Trained, inputs
from quanyu.config.settings import Settings
from quanyu.errors import QuanyuError
from quanyu.grammar.declaration import digest
from quanyu.grammar.model_spec import ModelSpec

if TYPE_CHECKING:
    import pandas as pd

QUIET = ("mlflow", "alembic", "mlflow.store.db.utils", "mlflow.tracking.fluent")
# MLflow's pages have one view for language models and one for trained models: this shows an experiment in the latter.
TRAINED_MODELS = {"mlflow.experimentKind": "custom_model_development"}
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class RegisteredVersion:
    """A registered version; `new` is false when the same training was recorded before."""

    name: str
    version: int
    champion: bool
    new: bool


@dataclass(frozen=True)
class Champion:
    """The version that scores: its training day, its features, what it means, and its model, loaded when it is asked.

    `ask` predicts, and `explain` splits the margins; both take a frame of the features.
    """

    name: str
    version: int
    trained_on: date
    features: tuple[str, ...]
    ask: Callable[[pd.DataFrame], Any] = field(repr=False)
    explain: Callable[[pd.DataFrame], Any] = field(repr=False, default=lambda frame: None)
    meaning: str = ""

    def predict(self, frame: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
        """Return the columns of a score for each row; columns that are not features are ignored."""
        import numpy as np
        import pandas as pd

        predictions = np.asarray(self.ask(frame[list(self.features)].astype("float64")), dtype=np.float64)
        return pd.DataFrame(predictions.reshape(len(frame), len(columns)), frame.index, columns)


class Registry:
    """MLflow with its own database (sqlite:///file) and a folder for artifacts."""

    def __init__(self, tracking_uri: str, folder: Path) -> None:
        self._uri = tracking_uri
        self._folder = folder.absolute()

    @classmethod
    def of(cls, settings: Settings) -> Registry:
        """The registry of a home."""
        return cls(settings.mlflow_url, settings.home / "mlruns")

    def prepare(self) -> None:
        """Create the schema. This takes seconds, once, and must not run in two processes at a time.

        What an earlier release noted of the place of its files is taken out, so that the home can be moved.
        """
        with self._client() as client:
            client.search_experiments(max_results=1)
        artifacts.forget_places(self._uri)

    def record(
        self, spec: type[ModelSpec], trained: Trained, evaluation: Evaluation, dataset: Dataset, meaning: str = "",
        reference: Mapping[str, Any] | None = None,
    ) -> RegisteredVersion:  # fmt: skip
        """Log and register the version; make it champion if all gates passed and no champion was trained later.

        The same declaration, data and day are recorded once, however often a training was killed and repeated.
        `reference` is how features and scores are distributed, for the monitor.
        """
        # The table of the rows also gets a version by another model.
        data = {key: value for key, value in dataset.facts().items() if key != "training_set"}
        identity = digest([spec.digest(), meaning, data, trained.facts])
        with self._client() as client:
            earlier = [each for each in versions.stored(client, spec.name) if each.tags.get(IDENTITY) == identity]
            if not earlier:
                run = self._run(client, spec, trained, evaluation, dataset, identity, reference)
                self._register(client, spec, run, {"meaning": meaning, "trained_on": str(dataset.day)}, evaluation)
            number = min((int(each.version) for each in earlier), default=0)
            listed = versions.listed(client, spec.name)
            version = next(each for each in listed if each.version == (number or listed[0].version))
            champion = evaluation.passed and versions.challenge(client, version)
            client.delete_model_version_tag(spec.name, str(version.version), versions.UNDECIDED)
            return RegisteredVersion(spec.name, version.version, champion, new=not earlier)

    @contextmanager
    def experiment(self, name: str, about: str = "") -> Iterator[tuple[Any, str]]:
        """Open an experiment, creating it where necessary: yields an MLflow client and the experiment's id."""
        with self._client() as client:
            yield client, self._experiment(client, name, about)

    @contextmanager
    def client(self) -> Iterator[Any]:
        """Open MLflow's client, for the functions of `ml.lifecycle.champions.versions`."""
        with self._client() as client:
            yield client

    def versions(self, name: str) -> list[ModelVersion]:
        """Versions of a model, newest first, whether or not they passed their gates."""
        with self._client() as client:
            return versions.listed(client, name)

    def decide(self, name: str, meaning: str) -> ModelVersion | None:
        """The version that a killed training left without its alias, now the champion; None if there is none."""
        with self._client() as client:
            return versions.decide(client, name, meaning) if versions.registered(client, name) else None

    def champion(self, name: str) -> Champion | None:
        """The champion as its alias says now; None when no version has passed its gates yet."""
        with self._client() as client:
            holder = versions.of_alias(client, name, versions.CHAMPION)
        if holder is None:
            return None
        model, features = self._loader(name, holder.version), holder.features
        return Champion(
            name, holder.version, holder.trained_on, features, lambda frame: model().predict(_checked(frame, features)),
            lambda frame: model().unwrap_python_model().contributions(_checked(frame, features)), holder.meaning,
        )  # fmt: skip

    def logged(self, version: ModelVersion, file: str) -> dict[str, Any]:
        """A JSON file of a version's run. Raises QuanyuError if its run has none."""
        import mlflow.artifacts

        with self._client() as client:
            address = client.get_run(version.run).info.artifact_uri
            try:
                content: dict[str, Any] = mlflow.artifacts.load_dict(f"{address}/{file}")
            except OSError as error:
                raise QuanyuError(f"{version.name} version {version.version} has no {file}") from error
            return content

    def metrics(self, version: ModelVersion) -> dict[str, float]:
        """Metrics of a version's test period."""
        with self._client() as client:
            return dict(client.get_run(version.run).data.metrics)

    def _loader(self, name: str, number: int) -> Callable[[], Any]:
        @cache
        def loaded() -> Any:
            import mlflow.pyfunc

            with self._client():
                return mlflow.pyfunc.load_model(f"models:/{name}/{number}")

        return loaded

    def _run(
        self, client: Any, spec: type[ModelSpec], trained: Trained, evaluation: Evaluation, dataset: Dataset,
        identity: str, reference: Mapping[str, Any] | None,
    ) -> dict[str, Any]:  # fmt: skip
        """Log a run. Returns what the registration of its model needs: its own arguments, and tags."""
        import mlflow

        experiment = self._experiment(client, spec.name, _about(spec))
        # Runs of the same training that was killed: without a version they would look running for ever.
        for run in client.search_runs([experiment], f"tags.{IDENTITY} = '{identity}'"):
            client.delete_run(run.info.run_id)
        marks = {IDENTITY: identity, DESCRIPTION: _words(spec, evaluation, dataset), **self._commit, **tracking.SOURCE}
        with mlflow.start_run(experiment_id=experiment, run_name=f"{spec.name} {dataset.day}", tags=marks) as run:
            tracking.log_facts(spec, trained, evaluation, dataset)
            if reference:
                mlflow.log_dict(dict(reference), artifacts.REFERENCE)
            info = tracking.log_model(spec, trained)
        return {
            "source": info.model_uri, "run_id": run.info.run_id, "model_id": info.model_id,
            "description": marks[DESCRIPTION],
            "tags": {IDENTITY: identity, "features": json.dumps(trained.features)},
        }  # fmt: skip

    def _register(
        self,
        client: Any,
        spec: type[ModelSpec],
        run: Mapping[str, Any],
        tags: Mapping[str, str],
        evaluation: Evaluation,
    ) -> None:
        if not versions.registered(client, spec.name):
            client.create_registered_model(spec.name, description=_about(spec))
        gates = {"gates": "passed" if evaluation.passed else "failed", "reasons": json.dumps(evaluation.reasons)}
        gates |= {versions.UNDECIDED: "yes"} if evaluation.passed else {}
        # Tags are set with the version, so that a kill leaves no version without its identity.
        client.create_model_version(spec.name, **{**run, "tags": {**run["tags"], **tags, **gates}})

    def _experiment(self, client: Any, name: str, about: str) -> str:
        experiment = client.get_experiment_by_name(name)
        if experiment is not None:
            return str(experiment.experiment_id)
        # A tracking server chooses the location of artifacts itself.
        location = None if self._is_served() else f"{artifacts.SCHEME}:/{name}"
        tags = {**TRAINED_MODELS, **({DESCRIPTION: about} if about else {})}
        return str(client.create_experiment(name, artifact_location=location, tags=tags))

    def _is_served(self) -> bool:
        return self._uri.startswith("http")

    @cached_property
    def _commit(self) -> dict[str, str]:
        """Commit of the project's repository by the name of MLflow's tag; nothing where there is no repository."""
        git = shutil.which("git")
        if git is None or not (ROOT / ".git").exists():
            return {}
        head = subprocess.run([git, "-C", str(ROOT), "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
        return {"mlflow.source.git.commit": head.stdout.strip()} if head.returncode == 0 else {}

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
            with artifacts.kept_in(None if self._is_served() else self._folder):
                yield mlflow.MlflowClient(self._uri, self._uri)
        except MlflowException as error:
            raise QuanyuError(f"MLflow at {self._uri}: {error.message}") from error
        finally:
            mlflow.set_tracking_uri(before[0])
            mlflow.set_registry_uri(before[1])
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)


def _checked(frame: pd.DataFrame, features: tuple[str, ...]) -> pd.DataFrame:
    """The features as a model takes them. ConfigError naming those with a value that it cannot take."""
    import pandas as pd

    return pd.DataFrame(inputs(frame, features), frame.index, list(features))


def _about(spec: type[ModelSpec]) -> str:
    """What a model foretells, on one line."""
    return " ".join((spec.__doc__ or "").split())


def _words(spec: type[ModelSpec], evaluation: Evaluation, dataset: Dataset) -> str:
    """Description of a run and its version: what it foretells, on what it was judged, and why it may not score."""
    failed = "".join(f"\n- {reason}" for reason in evaluation.reasons)
    gates = f"Not for use:\n{failed}" if failed else "All gates passed."
    tested = f"Trained on {dataset.day}, tested on {dataset.test_cutoff}. {gates}"
    return "\n\n".join(filter(None, (_about(spec), tested, evaluation.verdict)))
