"""What a version says of itself in MLflow: declaration, data, metrics, plots and the model."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from importlib.metadata import version
from math import isnan
from pathlib import Path
from typing import Any

from ml.lifecycle.evaluate import Evaluation
from ml.lifecycle.train import Trained
from quanyu.grammar.declaration import digest
from quanyu.grammar.model_spec import ModelSpec

# Plots of equal content have equal bytes.
PLAIN = {"metadata": {"Software": None}}


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


def log_facts(spec: type[ModelSpec], trained: Trained, evaluation: Evaluation, dataset: Dataset) -> None:
    """Log the declaration, the data, the metrics and the plots of a version to the active run."""
    import mlflow

    params = {**spec.estimator.params, "kind": spec.estimator.kind, "task": spec.task.name, **asdict(spec.task)}
    params |= {"population": spec.population, "horizon_days": spec.label.horizon_days, "definition": spec.digest()}
    mlflow.log_params(params | {"training_rows": trained.facts["rows"]})
    # MLflow's database rejects nan.
    mlflow.log_metrics({name: value for name, value in evaluation.metrics.items() if not isnan(value)})
    facts = dataset.facts() | {"training": trained.facts, "features": list(trained.features)}
    mlflow.log_dict(facts, "dataset.json")
    mlflow.log_dict({"gates": [str(result) for result in evaluation.gates]}, "gates.json")
    _log_dataset(spec.name, facts)
    title = f"{spec.name} from {dataset.test_cutoff}, known on {dataset.day}"
    for name, figure in spec.task.plots(evaluation.scores, evaluation.labels, evaluation.metrics, title).items():
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


def log_model(spec: type[ModelSpec], trained: Trained) -> Any:
    """Log the model to the active run, with signature, example and requirements. Returns what MLflow says of it."""
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
